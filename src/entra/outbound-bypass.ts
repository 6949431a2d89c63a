import { BlockList, isIP } from 'node:net';

/** An entry of NO_PROXY, understood. */
export type BypassRule = { port?: number | undefined } & (
  | { kind: 'any' }
  /** The name and everything below it, in lower case. */
  | { kind: 'name'; name: string }
  | { kind: 'subnet'; address: string; bits: number; family: 'ipv4' | 'ipv6' }
);

/**
 * Whether a host is reached without the proxy. Names are compared as they are written: a subnet means addresses in
 * URLs, not what a name resolves to, which often the proxy alone can tell.
 */
export function createBypass(rules: readonly BypassRule[]): (host: string, port: number) => boolean {
  const checks = rules.map((rule) => ({ port: rule.port, means: meaningOf(rule) }));
  return (host, port) => {
    const plain = host
      .toLowerCase()
      .replace(/^\[|\]$/g, '')
      .replace(/\.$/, '');
    return checks.some((check) => (check.port === undefined || check.port === port) && check.means(plain));
  };
}

function meaningOf(rule: BypassRule): (host: string) => boolean {
  switch (rule.kind) {
    case 'any':
      return () => true;
    case 'name':
      return (host) => isIP(host) === 0 && (host === rule.name || host.endsWith(`.${rule.name}`));
    case 'subnet': {
      const list = new BlockList();
      list.addSubnet(rule.address, rule.bits, rule.family);
      return (host) => isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6');
    }
    default:
      return rule satisfies never;
  }
}
