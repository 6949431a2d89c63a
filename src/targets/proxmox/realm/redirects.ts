/** An address that browsers come back to after a login, which the provider must know exactly. */
export interface RedirectUri {
  uri: string;
  from: 'declared' | 'node';
}

export interface RedirectUris {
  uris: RedirectUri[];
  /** Nodes of which no address is known under which browsers reach them. */
  unknown: string[];
}

/**
 * The redirect URIs of a cluster: PVE sends the address that the browser shows, so every node and every alias counts
 * (PVE, www/manager6: location.origin). A node is reached under its own name in the domain of an address that is known;
 * of a node whose domain is not, nothing is guessed.
 */
export function redirectUris(origins: readonly string[], nodes: readonly string[], apiUrl: string): RedirectUris {
  const hosts = [...origins, apiUrl].map((origin) => new URL(origin));
  const domain = domainOf(nodes, hosts);
  const uris: RedirectUri[] = origins.map((uri) => ({ uri, from: 'declared' }));
  const unknown: string[] = [];
  for (const node of nodes) {
    const name = node.toLowerCase();
    if (origins.some((origin) => firstLabel(new URL(origin)) === name)) continue;
    const known = hosts.find((url) => firstLabel(url) === name)?.origin ?? (domain && `https://${name}.${domain}:8006`);
    if (known) uris.push({ uri: known, from: 'node' });
    else unknown.push(node);
  }
  return { uris, unknown };
}

/** The domain that is behind the name of some node in an address that is known. */
function domainOf(nodes: readonly string[], hosts: readonly URL[]): string | undefined {
  const names = new Set(nodes.map((node) => node.toLowerCase()));
  const host = hosts.find((url) => names.has(firstLabel(url)) && url.hostname.includes('.'));
  return host?.hostname.slice(host.hostname.indexOf('.') + 1);
}

/** A numeric address is no name of a node. */
function firstLabel({ hostname }: URL): string {
  return /^[\d.]+$|^\[/.test(hostname) ? '' : (hostname.split('.')[0] ?? '');
}
