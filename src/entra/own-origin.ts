import { GraphUnavailable } from './graph-errors.js';
import type { GraphRoot } from './graph-root.js';

/** Throws SourceUnavailable naming the host where a URL is not below the configured Graph. */
export function assertOurs(url: URL, root: GraphRoot): void {
  if (url.origin === root.origin && url.pathname.startsWith(root.pathPrefix) && !url.username && !url.password) return;
  throw new GraphUnavailable(
    `a call to ${url.origin}${url.pathname.slice(0, 60)} was refused: the token is for ${root.origin}${root.pathPrefix} only`,
  );
}

/** A link that Graph gave, without its fragment. Throws SourceUnavailable where it is no URL or leads elsewhere. */
export function pinnedLink(link: string, root: GraphRoot, path: string): string {
  if (!URL.canParse(link))
    throw new GraphUnavailable(`${path}: the link to the next page is not a URL`, { status: 200 });
  const url = new URL(link);
  assertOurs(url, root);
  url.hash = '';
  return url.href;
}
