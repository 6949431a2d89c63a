import { Rejected } from '../../domain/errors.js';
import { PVE_NAMES, type WayNames } from './transport/way-names.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const API_ROOT = '/api2/json';

export interface ApiAddress {
  /** `https://pve1.example.com:8006` */
  origin: string;
  /** Host and port, for messages. */
  host: string;
  /** What goes before each API path, `/api2/json`. */
  root: string;
}

/** Reads an address, with or without `/api2/json`. Throws Rejected on a shape that would leak the token. */
export function parseBaseUrl(
  baseUrl: string,
  { address, example }: Pick<WayNames, 'address' | 'example'> = PVE_NAMES,
): ApiAddress {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new Rejected(`${address} ${JSON.stringify(baseUrl)} is not a URL; write it like ${example}`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new Rejected(`${address} for ${url.host} may carry neither user, password, query nor fragment`);
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new Rejected(`${address} http://${url.host} would send the API token in clear; use https`);
  }
  const path = url.pathname.replace(/\/+$/, '');
  return { origin: url.origin, host: url.host, root: path.endsWith(API_ROOT) ? path : `${path}${API_ROOT}` };
}

/** The path with its `{names}` filled in, each percent-encoded (a userid may hold `#`, `+` and `%`), and the query. */
export function expandPath(
  route: string,
  params: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, string>> = {},
): string {
  const path = route.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === '' || value === '.' || value === '..') {
      throw new Rejected(`${JSON.stringify(value ?? name)} cannot stand in the Proxmox VE path ${route}`);
    }
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams(query).toString();
  return search ? `${path}?${search}` : path;
}
