import type { Finding } from '../../targets/proxmox/doctor.js';
import type { CheckName } from './catalogue.js';
import { type Check, fine, skipped, unreachable, wrong } from './check.js';
import type { Looked } from './look.js';
import { describeCertificate, explainDistrust, hostAndPort } from './way.js';

/** The way to Proxmox VE and its certificate. */
export function checkProxmoxTls(url: URL, looked: Looked, now: number): Check {
  const name = 'proxmox.tls';
  const mend = 'check PVE_API_URL and "systemctl status pveproxy" on the node';
  if (looked.kind === 'failed') {
    const saw = `${url.host}: ${looked.text}`;
    return looked.certain ? wrong(name, saw, mend) : unreachable(name, saw, mend);
  }
  const { certificate, distrust } = looked;
  const seen = `${url.host}: ${describeCertificate(certificate, now)}`;
  if (!distrust) return fine(name, seen);
  return wrong(name, `${seen}; ${explainDistrust(distrust)}`, mendOf(distrust, url));
}

function mendOf(distrust: string, url: URL): string {
  if (distrust === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'put a name that the certificate carries into PVE_API_URL';
  if (distrust === 'CERT_HAS_EXPIRED' || distrust === 'CERT_NOT_YET_VALID')
    return 'renew it on the node: pvecm updatecerts --force; and compare the clocks of both machines';
  return `set PVE_CA_FILE to a copy of /etc/pve/pve-root-ca.pem of the node; openssl s_client -showcerts -connect ${hostAndPort(url)}`;
}

/** The findings of the target under the names of the doctor; what was not looked at is told too. */
export function proxmoxChecks(findings: readonly Finding[], names: readonly CheckName[]): Check[] {
  return names.flatMap((name): Check[] => {
    const own = findings.filter(({ about }) => `proxmox.${about}` === name);
    if (own.length === 0) return [skipped(name, 'the API token is not taken, see proxmox.token')];
    return own.map(({ state, saw, mend }) => {
      if (state === 'unreachable') return unreachable(name, saw, mend ?? '');
      if (state === 'skipped') return skipped(name, saw, mend);
      return { name, state, saw, mend };
    });
  });
}
