import { readFileSync } from 'node:fs';
import { readSecretFile } from '../../config/secret-file.js';
import type { Settings } from '../../config/settings.js';
import { messageOf, Rejected } from '../../domain/errors.js';
import { createProxmoxClient } from '../../targets/proxmox/client.js';
import { createRights } from '../../targets/proxmox/rights.js';
import { readDeclarations, type TokenDeclaration } from '../../targets/proxmox/tokens/declaration.js';
import type { SetupPorts } from '../../targets/proxmox/tokens/setup.js';
import { createFileSink } from '../../targets/proxmox/tokens/sinks/file-sink.js';
import type { Log } from '../../telemetry/log.js';
import { registerSecret } from '../../telemetry/redact.js';
import { systemClock } from '../../telemetry/system-clock.js';
import type { Io } from '../io.js';
import type { TokenOptions } from './options.js';

export const DECLARATIONS = '/etc/entramox/token_setup.json';
export const ADMIN_TOKEN_FILE = '/etc/entramox/credentials/pve-admin-token';

const LARGEST_BYTES = 1024 * 1024;

/** The declarations of a file; undefined where it has mistakes, every one of which was told. */
export function declarationsIn(path: string, io: Io): TokenDeclaration[] | undefined {
  const read = readDeclarations(readBounded(path), systemClock.now());
  if (read.ok) return read.tokens;
  io.err(`${path} cannot be used:`);
  for (const problem of read.problems) io.err(`  ${problem}`);
  return undefined;
}

function readBounded(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Rejected(`the declarations cannot be read: ${messageOf(error)}`);
  }
  if (text.length > LARGEST_BYTES) throw new Rejected(`${path} is larger than 1 MiB, which no list of tokens is`);
  return text;
}

/**
 * Proxmox as an administrator. The credential comes from a file of its own and not from the configuration: no daemon
 * needs it, so none shall be able to read it. Throws Rejected.
 */
export function connectAsAdministrator(
  settings: Settings,
  log: Log,
  declared: readonly TokenDeclaration[],
  options: TokenOptions,
): SetupPorts {
  const path = options.adminTokenFile ?? ADMIN_TOKEN_FILE;
  const file = readSecretFile(path);
  if (!file.ok) throw new Rejected(`${path}: expected ${file.expected}; remedy: ${file.remedy}`);
  registerSecret(file.text.slice(file.text.indexOf('=') + 1));
  const { apiUrl, caFile, timeoutMs } = settings.proxmox;
  const common = {
    baseUrl: apiUrl,
    ca: caFile ? readFileSync(caFile, 'utf8') : undefined,
    timeoutMs,
    log,
    clock: systemClock,
  };
  const client = createProxmoxClient({ ...common, token: file.text, tokenFrom: path });
  return {
    client,
    rights: createRights({ client, clock: systemClock }),
    declared,
    adopt: options.adopt === true,
    prune: options.prune === true,
    openSink: ({ path: place }) => createFileSink(place),
    connectAs: (id, secret) => createProxmoxClient({ ...common, token: `${id}=${secret}`, tokenFrom: 'its sink' }),
  };
}
