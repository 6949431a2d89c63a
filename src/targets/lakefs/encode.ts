import { Rejected } from '../../domain/errors.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const API_ROOT = '/api/v1';

export interface LakefsAddress {
  /** `https://lakefs.example.com` */
  origin: string;
  /** Host and port, for messages. */
  host: string;
  /** What goes before each path of the API, `/api/v1`. */
  root: string;
}

/** Reads LAKEFS_ENDPOINT, with or without `/api/v1`. Throws Rejected on a shape that would leak the secret. */
export function parseEndpoint(endpoint: string): LakefsAddress {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new Rejected(
      `LAKEFS_ENDPOINT ${JSON.stringify(endpoint)} is not a URL; write it like https://lakefs.example.com`,
    );
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new Rejected(`LAKEFS_ENDPOINT for ${url.host} may carry neither user, password, query nor fragment`);
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new Rejected(`LAKEFS_ENDPOINT http://${url.host} would send the secret access key in clear; use https`);
  }
  const path = url.pathname.replace(/\/+$/, '');
  return { origin: url.origin, host: url.host, root: path.endsWith(API_ROOT) ? path : `${path}${API_ROOT}` };
}

/** The path with its `{names}` filled in, each percent-encoded (ids hold `|`, `@`, `/` and spaces), and the query. */
export function expandPath(
  route: string,
  params: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, string | number>> = {},
): string {
  const path = route.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeSegment(params[name] ?? '', route));
  const pairs = Object.entries(query).map(([name, value]) => [name, String(value)]);
  return pairs.length > 0 ? `${path}?${new URLSearchParams(pairs)}` : path;
}

function encodeSegment(value: string, route: string): string {
  // A dot segment is resolved away by whatever stands in between, and the call would be about something else.
  if (value === '' || value === '.' || value === '..' || !value.isWellFormed()) {
    throw new Rejected(`${JSON.stringify(value)} cannot stand in the lakeFS path ${route}`);
  }
  return encodeURIComponent(value);
}
