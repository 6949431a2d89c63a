import { accessSync, constants } from 'node:fs';
import { messageOf } from '../../domain/errors.js';
import { readCertificates } from '../pem-file.js';
import type { SettingName } from '../schema/index.js';
import type { RuleContext } from './context.js';

/** Files that a command will need must be there and hold what is expected of them. */
export function fileRules(context: RuleContext): void {
  const { needs, targets } = context;
  if (needs.graph || needs.targets) certificates(context, 'CA_FILE');
  if (needs.targets && targets.includes('proxmox')) certificates(context, 'PVE_CA_FILE');
  if (needs.webhooks !== 'none') {
    certificates(context, 'LISTEN_TLS_CERT_FILE');
    readable(context, 'LISTEN_TLS_KEY_FILE');
  }
}

function certificates(context: RuleContext, name: 'CA_FILE' | 'PVE_CA_FILE' | 'LISTEN_TLS_CERT_FILE'): void {
  const path = context.values[name];
  if (path === undefined) return;
  const read = readCertificates(path);
  if (!read.ok) context.problem(name, read.expected);
}

function readable(context: RuleContext, name: Extract<SettingName, 'LISTEN_TLS_KEY_FILE'>): void {
  const path = context.values[name];
  if (path === undefined) return;
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    context.problem(name, `a readable file (${messageOf(error)})`);
  }
}
