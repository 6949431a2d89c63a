import { type Check, fine, remark, skipped, unreachable, wrong } from './check.js';
import type { Look, Looked } from './look.js';
import { describeCertificate, explainDistrust, hostAndPort } from './way.js';

export interface EndpointPorts {
  /** Both addresses that Graph calls. */
  urls: readonly string[];
  look: Look;
  /** A text that nobody could guess. */
  newToken: () => Promise<string>;
  /** SHA-256 fingerprints of the roots in CA_FILE, which Graph does not have. */
  ownRoots: ReadonlySet<string>;
  /** Whether Graph is Microsoft's own, rather than somebody's simulator. */
  isRealGraph: boolean;
  now: () => number;
}

/** We want to hear of it before Graph holds it against us: it wants 2xx within 3 s. */
const SLOW_MS = 2_000;
const TOO_SLOW_MS = 3_000;

/**
 * The public address as Graph would meet it: the handshake with a made-up token through the real URL (Graph:
 * change-notifications-delivery-webhooks). From inside it may be out of reach although Graph reaches it.
 */
export async function checkEndpoint(ports: EndpointPorts, signal: AbortSignal): Promise<Check[]> {
  const visits = await Promise.all(
    ports.urls.map(async (text) => {
      const token = await ports.newToken();
      const url = new URL(text);
      url.searchParams.set('validationToken', token);
      const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': '0' };
      return { text, url, token, looked: await ports.look(url, { method: 'POST', headers }, signal) };
    }),
  );
  const [first] = visits;
  if (!first) return [];
  const failed = visits.find(({ looked }) => looked.kind === 'failed');
  if (failed?.looked.kind === 'failed') return unreached(failed.text, failed.url, failed.looked);
  const judged = visits.map(({ text, token, looked }) => judge(text, token, looked));
  const times = visits.map(({ looked }) => (looked.kind === 'answered' ? looked.answerMs : 0));
  return [
    fine('endpoint.reach', `${first.url.host} answers`),
    checkTls(first.url, first.looked, ports),
    judged.find(({ state }) => state !== 'fine') ??
      fine('endpoint.handshake', `${visits.length} handshakes with a made-up token, each answered as Graph wants it`),
    checkTime(Math.max(...times)),
  ];
}

function unreached(text: string, url: URL, looked: Looked & { kind: 'failed' }): Check[] {
  const curl = `curl -i -X POST '${text}?validationToken=x'`;
  const rest = (['endpoint.tls', 'endpoint.handshake', 'endpoint.time'] as const).map((name) =>
    skipped(name, `${url.host} is not reached, see endpoint.reach`),
  );
  const mend = `a network often cannot reach its own public address: try from elsewhere: ${curl}; check DNS, firewall and reverse proxy, or use CHANGE_SOURCE=eventhub or poll`;
  const saw = `${url.host}: ${looked.text}`;
  return [looked.certain ? wrong('endpoint.reach', saw, mend) : unreachable('endpoint.reach', saw, mend), ...rest];
}

function checkTls(url: URL, looked: Looked, { ownRoots, isRealGraph, now }: EndpointPorts): Check {
  if (looked.kind === 'failed') return skipped('endpoint.tls', 'no connection');
  const { certificate, distrust } = looked;
  const seen = `${url.host}: ${describeCertificate(certificate, now())}`;
  const mend = `give the reverse proxy the full chain (fullchain.pem) of a public authority: openssl s_client -showcerts -connect ${hostAndPort(url)}`;
  if (distrust) return wrong('endpoint.tls', `${seen}; ${explainDistrust(distrust)}`, mend);
  if (certificate && ownRoots.has(certificate.root)) {
    const saw = `${seen}, trusted by CA_FILE alone`;
    return isRealGraph
      ? wrong('endpoint.tls', `${saw}: Graph does not have that root`, mend)
      : remark('endpoint.tls', saw);
  }
  const days = certificate ? (certificate.endsAt - now()) / 86_400_000 : 0;
  return days < 7
    ? wrong('endpoint.tls', seen, 'renew it: certbot renew, or what else renews it here')
    : fine('endpoint.tls', seen);
}

/** The causes for which Graph refuses a handshake, told apart. */
function judge(text: string, token: string, looked: Looked): Check {
  const name = 'endpoint.handshake';
  if (looked.kind === 'failed') return skipped(name, 'no connection');
  const { status, body, contentType } = looked;
  if (status === 200 && body === token) {
    if (/^text\/plain\b/i.test(contentType)) return fine(name, text);
    return wrong(
      name,
      `${text} answers as ${contentType || 'no media type'}; Graph wants text/plain`,
      'pass the path on to the listener unchanged',
    );
  }
  if (status === 401 || status === 403 || status === 407) {
    return wrong(
      name,
      `${text} answers ${status}: something asks for a login or takes this for an attack`,
      'let both /graph/ paths through without a login, a client certificate or a bot check: reverse proxy, WAF',
    );
  }
  if (status === 200) {
    return wrong(
      name,
      `${text} answers 200, but not with the token: something else answers there`,
      'pass both /graph/ paths on to the listener (LISTEN_PORT), with the query unchanged',
    );
  }
  if (status >= 300 && status < 400)
    return wrong(name, `${text} answers ${status}: Graph follows no redirect`, 'set PUBLIC_URL to where it leads');
  if (status === 404)
    return wrong(
      name,
      `${text} answers 404: the path does not reach the listener`,
      'pass both /graph/ paths on to the listener: infra/reverse-proxy',
    );
  if (status >= 502 && status <= 504)
    return wrong(
      name,
      `${text} answers ${status}: the reverse proxy does not reach the listener`,
      'systemctl start entramox-listener; compare LISTEN_HOST and LISTEN_PORT with the reverse proxy',
    );
  return wrong(
    name,
    `${text} answers ${status}; Graph wants 200`,
    'see the log of the reverse proxy and journalctl -u entramox-listener',
  );
}

function checkTime(answerMs: number): Check {
  const saw = `the slowest answer took ${(answerMs / 1000).toFixed(1)} s`;
  const mend =
    'look for a slow disk below SPOOL_DIR, or a slow reverse proxy: entramox status, journalctl -u entramox-listener';
  if (answerMs >= TOO_SLOW_MS) return wrong('endpoint.time', saw, mend);
  return answerMs >= SLOW_MS ? remark('endpoint.time', saw, mend) : fine('endpoint.time', saw);
}
