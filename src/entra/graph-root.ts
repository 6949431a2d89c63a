import { Rejected } from '../domain/errors.js';

export interface GraphRoot {
  /** `https://graph.microsoft.com`, with the path of a reverse proxy where there is one. */
  base: string;
  /** `v1.0` unless the configured URL ends in another version. */
  version: string;
  origin: string;
  /** Every call of ours starts with this path: `/v1.0/`. */
  pathPrefix: string;
}

/** Splits a configured Graph URL, with or without version. Throws Rejected where it is not a plain https URL. */
export function graphRoot(graphBaseUrl: string): GraphRoot {
  const url = httpsUrl('GRAPH_BASE_URL', graphBaseUrl);
  const path = url.pathname.replace(/\/+$/, '');
  const version = /\/(v\d+\.\d+|beta)$/.exec(path)?.[1];
  const basePath = version ? path.slice(0, -version.length - 1) : path;
  return {
    base: `${url.origin}${basePath}`,
    version: version ?? 'v1.0',
    origin: url.origin,
    pathPrefix: `${basePath}/${version ?? 'v1.0'}/`,
  };
}

/** The parsed URL. Throws Rejected naming the setting where it is not https, or carries a password, query or fragment. */
export function httpsUrl(setting: string, text: string): URL {
  if (!URL.canParse(text)) throw new Rejected(`${setting} is not a URL: "${text}"; give something like https://host`);
  const url = new URL(text);
  if (url.protocol !== 'https:') {
    throw new Rejected(
      `${setting} must start with https:// (it is "${url.protocol}//${url.host}"): tokens never travel in clear`,
    );
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new Rejected(`${setting} must be a plain URL without user, query or fragment (host ${url.host})`);
  }
  return url;
}
