import { isIP } from 'node:net';
import type { CheckName } from './catalogue.js';
import { type Check, fine, remark, skipped, unreachable, wrong } from './check.js';
import type { Looked, SeenCertificate } from './look.js';

/** What is known of the way to one host of Microsoft. */
export interface WayPorts {
  names: { dns: CheckName; tls: CheckName };
  url: URL;
  /** The setting that says where it is. */
  setting: string;
  looked: Looked;
  /** Its addresses; rejects with the resolver's error. */
  resolve: (host: string) => Promise<readonly string[]>;
  /** How the proxy on the way is spoken of; undefined: there is none. */
  proxy: string | undefined;
  /** SHA-256 fingerprints of the roots in CA_FILE. */
  ownRoots: ReadonlySet<string>;
  now: number;
}

const DAY_MS = 24 * 3_600_000;

/** DNS and TLS of a host: who issued its certificate, how long it is good, whether it is for this name. */
export async function checkWay(ports: WayPorts): Promise<Check[]> {
  return [await checkName(ports), checkTls(ports)];
}

async function checkName({ names, url, setting, resolve, proxy }: WayPorts): Promise<Check> {
  const { hostname } = url;
  if (proxy) return fine(names.dns, `${hostname} is looked up by ${proxy}`);
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return fine(names.dns, `${hostname} is an address`);
  try {
    const addresses = await resolve(hostname);
    return fine(names.dns, `${hostname} is ${addresses.slice(0, 3).join(', ')}`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
    if (code === 'ENOTFOUND') {
      return wrong(
        names.dns,
        `DNS knows no ${hostname} (${code})`,
        `check ${setting}; ask by: getent hosts ${hostname}`,
      );
    }
    return unreachable(
      names.dns,
      `DNS does not answer for ${hostname} (${code})`,
      'check /etc/resolv.conf: resolvectl status',
    );
  }
}

function checkTls({ names, url, setting, looked, proxy, ownRoots, now }: WayPorts): Check {
  const { host } = url;
  const through = proxy ? ` through ${proxy}` : '';
  if (looked.kind === 'failed') {
    if (looked.proxy) return skipped(names.tls, 'the proxy does not let us through, see proxy.reach');
    const saw = `${host}${through}: ${looked.text}`;
    if (looked.certain)
      return wrong(
        names.tls,
        saw,
        `check ${setting}, and what stands between: openssl s_client -connect ${hostAndPort(url)}`,
      );
    return unreachable(
      names.tls,
      saw,
      `check the route and the firewall (TCP ${portOf(url)} to ${url.hostname}); HTTPS_PROXY where there is a proxy`,
    );
  }
  const { certificate, distrust } = looked;
  const seen = `${host}${through}: ${describeCertificate(certificate, now)}`;
  if (distrust) return wrong(names.tls, `${seen}; ${explainDistrust(distrust)}`, mendDistrust(distrust, url));
  const isOwn = certificate !== undefined && ownRoots.has(certificate.root);
  if (isOwn)
    return remark(
      names.tls,
      `${seen}, trusted by CA_FILE: what answers is not Microsoft itself, or something reads along`,
    );
  return fine(names.tls, seen);
}

/** Whether the proxy lets us through, by what was met on the way to both hosts. */
export function checkProxy(proxy: string | undefined, looks: readonly Looked[]): Check[] {
  if (!proxy) return [];
  const failed = looks.find((looked) => looked.kind === 'failed' && looked.proxy);
  if (failed?.kind !== 'failed') return [fine('proxy.reach', `${proxy} lets us through`)];
  const mend = 'correct HTTPS_PROXY (or NO_PROXY), or allow both hosts on the proxy';
  return [failed.certain ? wrong('proxy.reach', failed.text, mend) : unreachable('proxy.reach', failed.text, mend)];
}

/** Whose it is, who issued it, and how many days are left. */
export function describeCertificate(certificate: SeenCertificate | undefined, now: number): string {
  if (!certificate) return 'no certificate was shown';
  const days = Math.floor((certificate.endsAt - now) / DAY_MS);
  const end = days < 0 ? `ended ${-days} d ago` : `${days} d left`;
  return `certificate for ${certificate.subject} by ${certificate.issuer}, ${end}`;
}

/** Why a certificate is not trusted, from the code of OpenSSL or Node. */
export function explainDistrust(code: string): string {
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'it is for another host name';
    case 'CERT_HAS_EXPIRED':
      return 'it has ended (or the clock of this host is wrong)';
    case 'CERT_NOT_YET_VALID':
      return 'it is not valid yet (or the clock of this host is wrong)';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'it is self-signed';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return 'it comes from a root that is not trusted here';
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'its chain is incomplete, or of a root that is not trusted here';
    default:
      return `it is not trusted (${code})`;
  }
}

function mendDistrust(code: string, url: URL): string {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return 'compare the clock: timedatectl; then ask whoever runs what stands between';
  return `a proxy that reads along? Name its root in CA_FILE if that is meant; see the chain: openssl s_client -showcerts -connect ${hostAndPort(url)}`;
}

/** As openssl s_client takes it. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${portOf(url)}`;
}

function portOf(url: URL): string {
  return url.port || '443';
}
