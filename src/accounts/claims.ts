import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { AgentError, messageOf } from './errors.js';
import { isGuid, nameProblem } from './names.js';

/** What the reconciler's ledger says of one account. Somebody less trusted wrote it: a claim, to be examined. */
export interface Claim {
  oid: string;
  name: string;
  /** Absent where the reconciler has never seen the account. */
  uid?: number | undefined;
  state: 'active' | 'suspended' | 'grace' | 'deleted';
}

const LARGEST_BYTES = 256 * 1024 * 1024;
const STATES: readonly unknown[] = ['active', 'suspended', 'grace', 'deleted'];

/** The accounts that a ledger file of the reconciler names. Throws AgentError for a file that is no such ledger. */
export function readClaims(file: string): Claim[] {
  const value = parse(file, readText(file));
  const identities = isRecord(value) && value.version === 1 ? value.identities : undefined;
  if (!isRecord(identities)) throw new AgentError('invalid', `${file} is not a ledger of the reconciler, version 1`);
  return Object.entries(identities).flatMap(([oid, entry]) => claimOf(file, oid, entry) ?? []);
}

function claimOf(file: string, oid: string, entry: unknown): Claim | undefined {
  const names = isRecord(entry) ? entry.names : undefined;
  if (!isRecord(entry) || !isRecord(names) || !isGuid(oid) || entry.oid !== oid || !STATES.includes(entry.state)) {
    throw new AgentError('invalid', `${file} cannot be understood at identities.${oid.slice(0, 40)}`);
  }
  const { linux: name } = names;
  if (name === undefined) return undefined;
  const { uid, state } = entry;
  const isUid = Number.isSafeInteger(uid) && (uid as number) >= 1000;
  if (typeof name !== 'string' || nameProblem(name) || (uid !== undefined && !isUid)) {
    throw new AgentError('invalid', `${file} names no possible account at identities.${oid}`);
  }
  return { oid, name, uid: uid as number | undefined, state: state as Claim['state'] };
}

/** The reconciler may write where this lies, so that no link, pipe or endless file is followed. */
function readText(file: string): string {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw new AgentError('invalid', `${file} cannot be read: ${messageOf(error)}`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > LARGEST_BYTES) throw new AgentError('invalid', `${file} is no ledger file`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = `${file} is not JSON: ${messageOf(error)}`;
    throw new AgentError('invalid', why, 'see what "entramox repair" makes of it first');
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
