import { createPrivateKey } from 'node:crypto';
import { messageOf } from '../../domain/errors.js';
import { readCertificates } from '../pem-file.js';
import { readSecretFile } from '../secret-file.js';
import { isCredentialFile, registerPrivateKey } from '../secrets.js';
import type { RuleContext } from './context.js';
import { isToldByWebhook } from './sources.js';

/** Files that a command will need must be there and hold what is expected of them. */
export function fileRules(context: RuleContext): void {
  const { needs, targets } = context;
  if (needs.graph || needs.targets) certificates(context, 'CA_FILE');
  if (needs.targets && targets.includes('proxmox')) certificates(context, 'PVE_CA_FILE');
  if (needs.webhooks !== 'none' && isToldByWebhook(context.values)) {
    certificates(context, 'LISTEN_TLS_CERT_FILE');
    tlsKey(context);
  }
}

function certificates(context: RuleContext, name: 'CA_FILE' | 'PVE_CA_FILE' | 'LISTEN_TLS_CERT_FILE'): void {
  const path = context.values[name];
  if (path === undefined) return;
  const read = readCertificates(path);
  if (!read.ok) context.problem(name, read.expected);
}

/** Read as strictly as any secret; and a key that does not fit its certificate is found here, not by Graph. */
function tlsKey(context: RuleContext): void {
  const { LISTEN_TLS_KEY_FILE: path, LISTEN_TLS_CERT_FILE: certificatePath } = context.values;
  // One without the other has been told already.
  if (path === undefined || certificatePath === undefined) return;
  const wrong = (expected: string, example: string) =>
    context.problems.push({ key: 'LISTEN_TLS_KEY_FILE', value: path, expected, example });
  const read = readSecretFile(path, { madeBySystemd: isCredentialFile(path, context.environment) });
  if (!read.ok) {
    wrong(read.expected, read.remedy);
    return;
  }
  registerPrivateKey(read.text);
  try {
    const key = createPrivateKey(read.text);
    const certificates = readCertificates(certificatePath);
    if (certificates.ok && !certificates.certificates[0]?.checkPrivateKey(key)) {
      wrong(
        'the private key of LISTEN_TLS_CERT_FILE; it belongs to another certificate',
        `openssl pkey -in ${path} -pubout`,
      );
    }
  } catch (error) {
    wrong(
      `a private key in PEM form without a passphrase (${messageOf(error)})`,
      `openssl pkey -in ${path} -out new.key`,
    );
  }
}
