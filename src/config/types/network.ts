import { isIP } from 'node:net';
import { type ValueType, valueType } from '../value-type.js';
import { words } from './lists.js';

/** What express takes as `trust proxy`: nobody, everybody, a number of hops, or addresses and subnets. */
export type TrustProxy = boolean | number | readonly string[];

/** An https URL without credentials, query or fragment, and without a trailing slash. */
export function httpsUrl(what: string, drop: RegExp = /$^/): ValueType<string> {
  const expected = `${what}: https://…, without query, fragment and credentials`;
  return valueType(expected, (text, wrong) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== 'https:' || url.hostname === '') return wrong();
    if (url.search || url.hash || url.username || url.password || /[?#\s]/.test(text)) return wrong();
    const path = url.pathname.replace(/\/+$/, '').replace(drop, '').replace(/\/+$/, '');
    return `${url.origin}${path}`;
  });
}

const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9-]{1,63})*$/i;

/** An address or a host name to listen on. */
export function host(): ValueType<string> {
  return valueType('an IP address or a host name, without a port', (text, wrong) => {
    if (isIP(text) !== 0) return text;
    return HOST.test(text) && !/^[\d.]+$/.test(text) ? text : wrong();
  });
}

/** An address that only this machine reaches. */
export function loopbackHost(): ValueType<string> {
  return valueType('a loopback address: 127.0.0.1, ::1 or localhost', (text, wrong) => {
    const loopback = text === 'localhost' || text === '::1' || (isIP(text) === 4 && text.startsWith('127.'));
    return loopback ? text : wrong();
  });
}

/** An address (all bits) or a subnet. */
export interface AddressRange {
  address: string;
  bits: number;
  family: 'ipv4' | 'ipv6';
}

/** Addresses and subnets of both families. Every wrong entry is named, for such lists are long. */
export function addressRanges(what: string): ValueType<readonly AddressRange[]> {
  const expected = `${what}: IPv4 and IPv6 addresses and subnets, separated by commas or spaces`;
  return valueType(expected, (text, wrong) => {
    const entries = words(text);
    const ranges = entries.map(readAddressRange);
    const bad = entries.filter((_, index) => ranges[index] === undefined);
    if (bad.length > 0) return wrong(`${expected}; not so: ${bad.join(' ')}`);
    return ranges.filter((range) => range !== undefined);
  });
}

/** undefined: neither an address nor a subnet. An address with a zone, `fe80::1%eth0`, is none either. */
export function readAddressRange(entry: string): AddressRange | undefined {
  const [address = '', bits, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return undefined;
  const most = version === 4 ? 32 : 128;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)) return undefined;
  return {
    address,
    bits: bits === undefined ? most : Number(bits),
    family: version === 4 ? 'ipv4' : 'ipv6',
  };
}

const NAMED_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal']);

export function trustProxy(): ValueType<TrustProxy> {
  const expected =
    'false, true, a number of proxies (1 to 10), or addresses, subnets and the names loopback, linklocal, uniquelocal';
  return valueType(expected, (text, wrong): TrustProxy => {
    const lower = text.toLowerCase();
    if (['false', 'no', 'off', '0'].includes(lower)) return false;
    if (['true', 'yes', 'on'].includes(lower)) return true;
    if (/^\d+$/.test(lower)) return Number(lower) <= 10 ? Number(lower) : wrong();
    const entries = words(lower);
    return entries.length > 0 && entries.every(isProxyEntry) ? entries : wrong();
  });
}

function isProxyEntry(entry: string): boolean {
  if (NAMED_RANGES.has(entry)) return true;
  return readAddressRange(entry) !== undefined;
}
