/** Endpoints of a national cloud (Microsoft Graph, national cloud deployments). Tokens are not interchangeable. */
export interface Cloud {
  authority: string;
  /** Issuers of tokens are below it: `<tenant id>/v2.0`. Not everywhere the host that people sign in at. */
  issuerBase: string;
  graphBaseUrl: string;
  scope: string;
  /** Below it are the namespaces of Event Hubs. */
  eventHubDomain: string;
}

export type CloudName = 'global' | 'usgov' | 'dod' | 'china';

export const clouds: Readonly<Record<CloudName, Cloud>> = {
  global: cloud('https://login.microsoftonline.com', 'https://graph.microsoft.com', 'servicebus.windows.net'),
  usgov: cloud('https://login.microsoftonline.us', 'https://graph.microsoft.us', 'servicebus.usgovcloudapi.net'),
  dod: cloud('https://login.microsoftonline.us', 'https://dod-graph.microsoft.us', 'servicebus.usgovcloudapi.net'),
  china: cloud(
    'https://login.chinacloudapi.cn',
    'https://microsoftgraph.chinacloudapi.cn',
    'servicebus.chinacloudapi.cn',
    'https://login.partner.microsoftonline.cn',
  ),
};

function cloud(authority: string, graphBaseUrl: string, eventHubDomain: string, issuerBase = authority): Cloud {
  return { authority, issuerBase, graphBaseUrl, scope: `${graphBaseUrl}/.default`, eventHubDomain };
}
