import { existsSync, readFileSync } from 'node:fs';
import { readSecretFile } from '../../config/secret-file.js';
import type { Settings } from '../../config/settings.js';
import { messageOf, Rejected } from '../../domain/errors.js';
import { distrustOfFiles } from '../../integrity/root-only.js';
import { createClientOver, createProxmoxClient, type ProxmoxClient } from '../../targets/proxmox/client.js';
import { pbsRights } from '../../targets/proxmox/pbs/rights.js';
import { pbsTransport } from '../../targets/proxmox/pbs/transport.js';
import { createRights, type Rights } from '../../targets/proxmox/rights.js';
import { readDeclarations, type TokenDeclaration, type TokenServer } from '../../targets/proxmox/tokens/declaration.js';
import type { SetupPorts } from '../../targets/proxmox/tokens/setup.js';
import type { Sinks } from '../../targets/proxmox/tokens/sinks/open-sinks.js';
import { apiTokenCredential } from '../../targets/proxmox/transport/api-token-credential.js';
import { PVESH, pveshTransport } from '../../targets/proxmox/transport/pvesh.js';
import { type RestOptions, restTransport } from '../../targets/proxmox/transport/rest.js';
import { ticketCredential } from '../../targets/proxmox/transport/ticket-credential.js';
import type { ProxmoxTransport } from '../../targets/proxmox/transport/transport.js';
import type { Log } from '../../telemetry/log.js';
import { registerSecret } from '../../telemetry/redact.js';
import { systemClock } from '../../telemetry/system-clock.js';
import type { Io } from '../io.js';
import { readSecret, type SecretInput } from '../parts/read-secret.js';
import {
  ADMIN_TOKEN_FILE,
  type AdminOptions,
  adminProblem,
  PBS_ADMIN_TOKEN_FILE,
  type TokenOptions,
} from './options.js';

export const DECLARATIONS = '/etc/entramox/token_setup.json';
export const PBS_DECLARATIONS = '/etc/entramox/pbs_token_setup.json';

/** Where the declarations are, unless somebody names a file. */
export function declarationsFile(given: string | undefined, { pbs }: AdminOptions): string {
  return given ?? (pbs === undefined ? DECLARATIONS : PBS_DECLARATIONS);
}

/** Signs the certificate of every node that has no other (pvecm updatecerts). */
const NODE_AUTHORITY = '/etc/pve/pve-root-ca.pem';
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const LARGEST_BYTES = 1024 * 1024;

/** The declarations of a file; undefined where it has mistakes, every one of which was told. */
export function declarationsIn(path: string, io: Io, server: TokenServer = 'pve'): TokenDeclaration[] | undefined {
  const read = readDeclarations(readBounded(path), systemClock.now(), server);
  if (read.ok) return read.tokens;
  io.err(`${path} cannot be used:`);
  for (const problem of read.problems) io.err(`  ${problem}`);
  return undefined;
}

function readBounded(path: string): string {
  // They name programs, which root would run.
  const [problem] = process.geteuid?.() === 0 ? distrustOfFiles([path]) : [];
  if (problem) throw new Rejected(`${path} is not used, since ${problem.why}: ${problem.mend}`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Rejected(`the declarations cannot be read: ${messageOf(error)}`);
  }
  if (text.length > LARGEST_BYTES) throw new Rejected(`${path} is larger than 1 MiB, which no list of tokens is`);
  return text;
}

/** Proxmox VE as an administrator, by whichever way was asked for. */
export interface AdminConnection {
  client: ProxmoxClient;
  /** Of the administrator. */
  rights: Rights;
  /**
   * A client that is the API token of this secret, to prove what it may do; always over HTTPS, whatever the
   * administrator's own way is. Closed by the caller of it.
   */
  connectAs: (fullId: string, secret: string) => ProxmoxClient;
  close(): Promise<void>;
}

/** What tests give instead of the node's own things. */
export interface AdminOutside {
  /** Instead of /usr/bin/pvesh. */
  pveshCommand?: string | undefined;
  /** Instead of this process's effective uid. */
  uid?: number | undefined;
  /** Where a password is typed. */
  input?: SecretInput | undefined;
  /** Where it is asked for. */
  ask?: ((text: string) => void) | undefined;
}

/**
 * Opens the connection that the options ask for. The credential comes from a file of its own, or is typed, and is not
 * in the configuration: no daemon needs it, so none shall be able to read it. Asks Proxmox nothing yet. Throws Rejected
 * for options that contradict each other and for a file that is not fit for a secret.
 */
export async function connectAdmin(
  settings: { proxmox: Pick<Settings['proxmox'], 'apiUrl' | 'caFile' | 'timeoutMs'> },
  log: Log,
  options: AdminOptions,
  outside: AdminOutside = {},
): Promise<AdminConnection> {
  const problem = adminProblem(options);
  if (problem !== undefined) throw new Rejected(problem);
  if (options.pbs !== undefined) return connectPbs(settings.proxmox, log, options.pbs, options);
  const { apiUrl, caFile, timeoutMs } = settings.proxmox;
  const ca = readAuthority(caFile, apiUrl, options);
  const common = { baseUrl: apiUrl, ca, timeoutMs, log, clock: systemClock };
  const client = createClientOver(await transportOf(options, common, outside), common);
  // What pvesh makes is on this node; where the proof is asked for, is a setting.
  const doubt = options.pvesh
    ? `PVE_API_URL (${new URL(apiUrl).host}) is no node of the cluster of ${client.host}, on which --pvesh works`
    : undefined;
  return {
    client,
    rights: createRights({ client, clock: systemClock }),
    connectAs: (id, secret) =>
      createProxmoxClient({ ...common, token: `${id}=${secret}`, tokenFrom: 'its sink', doubt }),
    close: () => client.close(),
  };
}

/** The same for a Proxmox Backup Server. */
async function connectPbs(
  { timeoutMs }: Pick<Settings['proxmox'], 'timeoutMs'>,
  log: Log,
  baseUrl: string,
  { adminTokenFile = PBS_ADMIN_TOKEN_FILE, pbsCaFile }: AdminOptions,
): Promise<AdminConnection> {
  const text = secretIn(adminTokenFile);
  const ca = pbsCaFile === undefined ? undefined : certificatesIn(pbsCaFile);
  const common = { baseUrl, ca, timeoutMs, log, clock: systemClock };
  const open = (token: string, tokenFrom: string) => {
    const transport = pbsTransport({ ...common, token, tokenFrom });
    transport.secrets().forEach(registerSecret);
    return createClientOver(transport, common);
  };
  const client = open(text, adminTokenFile);
  return {
    client,
    rights: pbsRights(createRights({ client, clock: systemClock })),
    connectAs: (id, secret) => open(`${id}=${secret}`, 'its sink'),
    close: () => client.close(),
  };
}

type Way = Pick<RestOptions, 'baseUrl' | 'ca' | 'timeoutMs'>;

async function transportOf(options: AdminOptions, way: Way, outside: AdminOutside): Promise<ProxmoxTransport> {
  const { adminUser, adminPasswordFile, adminTokenFile, pvesh } = options;
  if (pvesh) return openPvesh(outside);
  if (adminUser === undefined) {
    const path = adminTokenFile ?? ADMIN_TOKEN_FILE;
    const text = secretIn(path, adminTokenFile ? '' : '; or use --admin-user, or --pvesh on a node');
    const credential = apiTokenCredential(text, path);
    credential.secrets().forEach(registerSecret);
    return restTransport({ ...way, credential });
  }
  const from = adminPasswordFile ?? 'the terminal';
  const password = await passwordOf(adminUser, adminPasswordFile, outside);
  registerSecret(password);
  const credential = ticketCredential({ userid: adminUser, password: () => password, from, clock: systemClock });
  return restTransport({ ...way, credential });
}

function openPvesh({ pveshCommand, uid }: AdminOutside): ProxmoxTransport {
  const [problem] = pveshCommand === undefined ? distrustOfFiles([PVESH]) : [];
  if (problem) throw new Rejected(`${PVESH} is not run, since ${problem.why}: ${problem.mend}`);
  return pveshTransport({ command: pveshCommand, uid });
}

async function passwordOf(user: string, file: string | undefined, outside: AdminOutside): Promise<string> {
  if (file !== undefined) return secretIn(file);
  const { input = process.stdin, ask = (text) => void process.stderr.write(text) } = outside;
  return readSecret(input, ask, `password of ${user}`);
}

/** The text of a file that only root can read or replace. Throws Rejected, with what else could be done. */
function secretIn(path: string, otherWays = ''): string {
  const file = readSecretFile(path);
  if (!file.ok) throw new Rejected(`${path}: expected ${file.expected}; remedy: ${file.remedy}${otherWays}`);
  return file.text;
}

function certificatesIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Rejected(`--pbs-ca-file cannot be read: ${messageOf(error)}`);
  }
}

/** On a node itself its own authority is at hand, so that the proof with the new token needs no PVE_CA_FILE. */
function readAuthority(caFile: string | undefined, apiUrl: string, { pvesh }: AdminOptions): string | undefined {
  if (caFile) return readFileSync(caFile, 'utf8');
  const isHere = pvesh && LOOPBACK.test(new URL(apiUrl).hostname) && existsSync(NODE_AUTHORITY);
  return isHere ? readFileSync(NODE_AUTHORITY, 'utf8') : undefined;
}

/** For the token verbs: the connection with what they need besides. Throws Rejected. */
export async function connectAsAdministrator(
  settings: Settings,
  log: Log,
  declared: readonly TokenDeclaration[],
  options: TokenOptions,
  sinks: Sinks,
): Promise<SetupPorts> {
  const { client, rights, connectAs } = await connectAdmin(settings, log, options);
  return {
    client,
    clock: systemClock,
    rights,
    declared,
    adopt: options.adopt === true,
    prune: options.prune === true,
    openSink: sinks.open,
    connectAs,
  };
}
