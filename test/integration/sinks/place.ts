import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecretFile } from '../../../src/config/secret-file.js';
import { Rejected } from '../../../src/domain/errors.js';
import { readDeclarations } from '../../../src/targets/proxmox/tokens/declaration.js';
import type { DeclaredSink } from '../../../src/targets/proxmox/tokens/declared-sink.js';
import type { StoredToken } from '../../../src/targets/proxmox/tokens/stored-token.js';

/** A directory of the test's own, away with `remove`. */
export function createPlace(): { dir: string; in: (name: string) => string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'entramox-sinks-'));
  return { dir, in: (name) => join(dir, name), remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function aToken(number = 1, id = 'terraform'): StoredToken {
  return {
    'full-tokenid': `terraform-prov@pve!${id}`,
    info: { comment: 'For "IaC"; $(reboot)', expire: 0, privsep: 0 },
    value: `0000000${number}-1111-4111-8111-111111111111`,
  };
}

/** What a declaration with this `sink` says. Throws with its mistakes. */
export function declared(sink: unknown, name = 'terraform'): DeclaredSink {
  const entry = { name, ugid: 'terraform-prov@pve', role: 'PVEAuditor', expire: 0, sink };
  const read = readDeclarations(JSON.stringify({ token_setup: [entry] }), Date.parse('2026-11-22T12:00:00Z'));
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const [token] = read.tokens;
  if (!token) throw new Error('nothing is declared');
  return token.sink;
}

export function readSecret(path: string): string {
  const file = readSecretFile(path);
  if (!file.ok) throw new Rejected(`${path}: expected ${file.expected}; remedy: ${file.remedy}`);
  return file.text;
}
