/** Endpoints of a national cloud (Microsoft Graph, national cloud deployments). Tokens are not interchangeable. */
export interface Cloud {
  authority: string;
  graphBaseUrl: string;
  scope: string;
}

export type CloudName = 'global' | 'usgov' | 'dod' | 'china';

export const clouds: Readonly<Record<CloudName, Cloud>> = {
  global: cloud('https://login.microsoftonline.com', 'https://graph.microsoft.com'),
  usgov: cloud('https://login.microsoftonline.us', 'https://graph.microsoft.us'),
  dod: cloud('https://login.microsoftonline.us', 'https://dod-graph.microsoft.us'),
  china: cloud('https://login.chinacloudapi.cn', 'https://microsoftgraph.chinacloudapi.cn'),
};

function cloud(authority: string, graphBaseUrl: string): Cloud {
  return { authority, graphBaseUrl, scope: `${graphBaseUrl}/.default` };
}
