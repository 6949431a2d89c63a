import { AgentError, type ErrorCode, messageOf } from './errors.js';
import { isGuid } from './names.js';

/**
 * The protocol between the reconciler and the account agent: one JSON object a line in both directions, replies
 * matched by `id`, in any order. The verb set is closed: whatever is not described here is refused.
 */

/** Bytes of one request line, without the newline. A longer line is refused and the connection closed. */
export const MAX_LINE_BYTES = 64 * 1024;

export interface NameQuestion {
  oid: string;
  name: string;
}

export type Request =
  | { id: number; verb: 'observe'; oids?: string[]; names?: NameQuestion[] }
  | { id: number; verb: 'create'; oid: string; name: string; gecos: string }
  | { id: number; verb: 'lock'; oid: string }
  | { id: number; verb: 'unlock'; oid: string }
  | { id: number; verb: 'groups'; oid: string; groups: string[] }
  | { id: number; verb: 'sudo'; oid: string; granted: boolean }
  | { id: number; verb: 'delete'; oid: string };

export type Verb = Request['verb'];

/** One account of the agent's own ledger, as the real files show it. */
export interface AccountSight {
  oid: string;
  name: string;
  uid: number;
  state: 'whole' | 'partial' | 'deleted';
  /** True only for a complete lock of the agent's own; an administrator's lock is not ours to undo. */
  locked: boolean;
  /** Root handed the account over; absent where the agent made it. */
  adopted?: boolean;
  /** Epoch ms since when the agent itself has seen the account locked. */
  lockedSince?: number;
  /** A lock of ours was begun and is not complete, or no longer holds; `unlock` undoes it. */
  halfLocked?: boolean;
  gecos: string;
  groups: string[];
  sudo: boolean;
}

/** An account of somebody else that stands where an identity's would be, as the files show it. */
export interface ForeignAccount {
  name: string;
  uid: number;
  gecos: string;
  home: string;
  shell: string;
  /** Of the groups that the policy allows the agent to manage. */
  groups: string[];
  /** All that list it as a member. */
  allGroups: string[];
  /** Password locked and expired, whoever did it. */
  locked: boolean;
  /** There is a rule file for this uid that only we would name so. */
  sudo: boolean;
  /** Why root could not hand it over, in words; absent where nothing speaks against it. */
  obstacle?: string;
}

export interface NameSight {
  name: string;
  state: 'free' | 'ours' | 'foreign' | 'reserved' | 'tombstoned' | 'invalid';
  why?: string;
  remedy?: string;
  /** Root took the account of this identity back. */
  released?: true;
  /** The uid that the identity would get, and the one to pin where that is another's too; only where the name is free. */
  uid?: number;
  otherUid?: number;
  /** What stands there; only where it is an account that is nobody's. */
  account?: ForeignAccount;
}

export interface ObserveResult {
  accounts: AccountSight[];
  /** By the object id of the question, because two identities may ask for one name. */
  names: Record<string, NameSight>;
  /** What would keep the agent from writing (a disk that takes nothing, locks of others, missing tools), in words. */
  troubles: string[];
  /** Those of the troubles that are about programs. */
  tools: string[];
}

export interface CreateResult {
  name: string;
  uid: number;
}

export interface LockResult {
  name: string;
  lockedSince: number;
  /** What the lock could not reach, in words. */
  notes: string[];
}

export interface DeleteResult {
  /** Path of the home's archive; null where there was no home or the policy wants none. */
  archive: string | null;
  /** Files that still belong to the uid in the places where people commonly write, at most 100. */
  leftovers: string[];
}

export type Reply =
  | { id: number | null; ok: true; result: unknown }
  | { id: number | null; ok: false; error: AgentFailure };

/** `blocked`: what keeps the agent from doing anything at all. */
export interface AgentFailure {
  code: ErrorCode;
  message: string;
  remedy?: string;
  blocked?: 'policy' | 'tools';
}

interface Rule {
  ok: (value: unknown) => boolean;
  expected: string;
  optional?: true;
}

const OID: Rule = {
  ok: (value) => typeof value === 'string' && isGuid(value),
  expected: 'a GUID in lower case',
};
const TEXT: Rule = { ok: (value) => typeof value === 'string' && value.length <= 1024, expected: 'text' };
const FLAG: Rule = { ok: (value) => typeof value === 'boolean', expected: 'true or false' };
const QUESTION: Rule = {
  ok: (value) => isPlainObject(value) && Object.keys(value).length === 2 && OID.ok(value.oid) && TEXT.ok(value.name),
  expected: '{oid, name}',
};

const FIELDS: Record<Verb, Record<string, Rule>> = {
  observe: { oids: { ...listOf(OID), optional: true }, names: { ...listOf(QUESTION), optional: true } },
  create: { oid: OID, name: TEXT, gecos: TEXT },
  lock: { oid: OID },
  unlock: { oid: OID },
  groups: { oid: OID, groups: listOf(TEXT) },
  sudo: { oid: OID, granted: FLAG },
  delete: { oid: OID },
};

/**
 * Reads one request line. Throws AgentError `invalid` for anything but exactly the fields of a known verb;
 * `idOf` of the same line tells whom to answer.
 */
export function parseRequest(line: string): Request {
  const found = parseJson(line);
  if ('problem' in found) throw new AgentError('invalid', `not JSON: ${found.problem}`);
  const { value } = found;
  if (!isPlainObject(value)) throw new AgentError('invalid', 'a request must be one JSON object on one line');
  if (!isId(value.id)) throw new AgentError('invalid', 'id must be a whole number from 0 to 2^53-1');
  const verb = value.verb;
  if (typeof verb !== 'string' || !Object.hasOwn(FIELDS, verb)) {
    throw new AgentError('invalid', `unknown verb ${quote(verb)}; known: ${Object.keys(FIELDS).join(', ')}`);
  }
  const fields = FIELDS[verb as Verb];
  for (const key of Object.keys(value)) {
    if (key !== 'id' && key !== 'verb' && !Object.hasOwn(fields, key)) {
      throw new AgentError('invalid', `${verb} has no field ${quote(key)}`);
    }
  }
  for (const [key, field] of Object.entries(fields)) {
    if (!Object.hasOwn(value, key)) {
      if (field.optional) continue;
      throw new AgentError('invalid', `${verb} needs ${key}: ${field.expected}`);
    }
    if (!field.ok(value[key])) throw new AgentError('invalid', `${verb}: ${key} must be ${field.expected}`);
  }
  // Every field of the verb was checked above and no other is there.
  return value as unknown as Request;
}

/** The id of a line that is at least a JSON object with one; null where nobody can be answered by number. */
export function idOf(line: string): number | null {
  const found = parseJson(line);
  return 'value' in found && isPlainObject(found.value) && isId(found.value.id) ? found.value.id : null;
}

/** One reply as a line, newline included. */
export function formatReply(reply: Reply): string {
  return `${JSON.stringify(reply)}\n`;
}

/** The reply that carries an error. */
export function errorReply(id: number | null, error: AgentError): Reply {
  const { code, message, remedy, blocked } = error;
  return {
    id,
    ok: false,
    error: {
      code,
      message,
      ...(remedy === undefined ? {} : { remedy }),
      ...(blocked === undefined ? {} : { blocked }),
    },
  };
}

function parseJson(line: string): { value: unknown } | { problem: string } {
  try {
    return { value: JSON.parse(line) };
  } catch (error) {
    return { problem: messageOf(error).slice(0, 120) };
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function listOf({ ok, expected }: Rule): Rule {
  return { ok: (value) => Array.isArray(value) && value.every(ok), expected: `a list, each ${expected}` };
}

function quote(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 40) : typeof value);
}
