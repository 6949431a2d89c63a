import { type Check, fine, unreachable, wrong } from './check.js';
import type { Looked } from './look.js';
import { describeCertificate, explainDistrust, hostAndPort } from './way.js';

export interface LakefsWay {
  url: URL;
  /** undefined: plain http, which is for this machine alone. */
  looked: Looked | undefined;
  /** How the proxy on the way is spoken of; undefined: there is none. */
  proxy: string | undefined;
  now: number;
}

/** The way to lakeFS and its certificate. Roots of CA_FILE are trusted beside the public ones. */
export function checkLakefsTls({ url, looked, proxy, now }: LakefsWay): Check {
  const name = 'lakefs.tls';
  if (!looked) return fine(name, `${url.host}: plain http, which does not leave this machine`);
  const where = proxy ? `${url.host} through ${proxy}` : url.host;
  if (looked.kind === 'failed') {
    const mend = looked.proxy
      ? `allow ${url.host} on the proxy, or name it in NO_PROXY`
      : `check LAKEFS_ENDPOINT, and the route and the firewall (${hostAndPort(url)})`;
    const saw = `${where}: ${looked.text}`;
    return looked.certain ? wrong(name, saw, mend) : unreachable(name, saw, mend);
  }
  const seen = `${where}: ${describeCertificate(looked.certificate, now)}`;
  if (!looked.distrust) return fine(name, seen);
  return wrong(name, `${seen}; ${explainDistrust(looked.distrust)}`, mendOf(looked.distrust, url));
}

function mendOf(distrust: string, url: URL): string {
  if (distrust === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'put a name that the certificate carries into LAKEFS_ENDPOINT';
  if (distrust === 'CERT_HAS_EXPIRED' || distrust === 'CERT_NOT_YET_VALID')
    return 'have it renewed at lakeFS, or at what stands before it; and compare the clocks of both machines';
  return `put the root that signed it into CA_FILE; see the chain: openssl s_client -showcerts -connect ${hostAndPort(url)}`;
}
