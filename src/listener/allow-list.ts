import { BlockList, isIP } from 'node:net';

/** An address, or a subnet such as `52.159.23.0/24`. */
export interface AllowedRange {
  address: string;
  bits: number;
  family: 'ipv4' | 'ipv6';
}

/** Whether an address may talk to us; undefined for a client without one. */
export type AllowList = (address: string | undefined) => boolean;

/** IPv4 in the clothes of IPv6, as a socket that takes both shows it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** With a port, as some reverse proxies write it into X-Forwarded-For. */
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([\da-f:.]+)\]):\d{1,5}$/i;

/** An allow-list of these ranges; an empty one allows everybody. */
export function createAllowList(ranges: readonly AllowedRange[]): AllowList {
  if (ranges.length === 0) return () => true;
  const list = new BlockList();
  for (const { address, bits, family } of ranges) list.addSubnet(address, bits, family);
  return (address = '') => {
    const [, ipv4, ipv6] = WITH_PORT.exec(address) ?? [];
    const bare = ipv4 ?? ipv6 ?? address;
    const plain = MAPPED.exec(bare)?.[1] ?? bare;
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  };
}
