import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { AgentError, messageOf } from './errors.js';
import { isGuid } from './names.js';
import { PRIVILEGED_GROUPS } from './privileged-groups.js';

/** What root allows the account agent to do. Lives in a file that only root can write. */
export interface Policy {
  version: 1;
  /** First and last uid (and gid) of accounts that the agent makes or adopts. */
  uidRange: [number, number];
  /** Login shell of new accounts. */
  shell: string;
  /** Homes are made as `homeBase/NAME`. */
  homeBase: string;
  /** The only groups whose members the agent may change. */
  allowedGroups: string[];
  /** Who is taken out of one of these is logged out, because running processes keep the group. */
  endSessionsOnLossOf: string[];
  sudo: { enabled: boolean; nopasswd: boolean };
  /** An account must have been seen locked for this long before it may be deleted. */
  deleteAfterSeconds: number;
  locksPerHour: number;
  deletesPerHour: number;
  /** Where homes are archived before deletion; made 0700. */
  archiveDir: string;
  archiveHomes: boolean;
  /** Names that are never given to an account, beside those of the system. */
  reservedNames: string[];
  /** Uids that root chose, by object id, where two identities would get the same one. The same on every host. */
  uids: Record<string, number>;
}

/** Used for every field that the file leaves out. */
export const DEFAULT_POLICY: Policy = {
  version: 1,
  uidRange: [20000, 59999],
  shell: '/bin/bash',
  homeBase: '/home',
  allowedGroups: [],
  endSessionsOnLossOf: [...PRIVILEGED_GROUPS],
  sudo: { enabled: false, nopasswd: false },
  deleteAfterSeconds: 86_400,
  locksPerHour: 200,
  deletesPerHour: 50,
  archiveDir: '/var/lib/entramox-accounts/archive',
  archiveHomes: true,
  reservedNames: [],
  uids: {},
};

type Rule = { ok: (value: unknown) => boolean; expected: string };

/**
 * Where uids of people may lie: system users end at 999 and systemd-homed begins at 60001; far above are numbers that
 * no container and no other range of systemd uses (systemd, UIDS-GIDS).
 */
const SPANS = [
  [1000, 60_000],
  [1_879_048_192, 2_147_352_575],
] as const;

const PLAIN_PATH = /^(\/[A-Za-z0-9._-]+)+$/;
const GROUP = /^[a-z_][a-z0-9_-]{0,31}$/;

const RULES: Record<keyof Policy, Rule> = {
  version: { ok: (v) => v === 1, expected: '1' },
  uidRange: {
    ok: (v) =>
      Array.isArray(v) &&
      v.length === 2 &&
      SPANS.some(([from, to]) => isCount(v[0], from, to) && isCount(v[1], v[0], to)),
    expected: `two whole numbers from 1000 to 60000, or from ${SPANS[1][0]} to ${SPANS[1][1]}, e.g. [20000, 59999]`,
  },
  shell: { ok: isPath, expected: 'an absolute path, e.g. "/bin/bash"' },
  homeBase: { ok: isPath, expected: 'an absolute path, e.g. "/home"' },
  allowedGroups: { ok: isListOf(GROUP), expected: 'a list of group names, e.g. ["adm"]' },
  endSessionsOnLossOf: { ok: isListOf(GROUP), expected: 'a list of group names, e.g. ["sudo", "docker"]' },
  sudo: { ok: isSudo, expected: '{"enabled": true or false, "nopasswd": true or false}' },
  deleteAfterSeconds: { ok: (v) => isCount(v, 0, 3650 * 86_400), expected: 'seconds, e.g. 86400' },
  locksPerHour: { ok: (v) => isCount(v, 1, 1_000_000), expected: 'a whole number from 1' },
  deletesPerHour: { ok: (v) => isCount(v, 0, 1_000_000), expected: 'a whole number from 0' },
  archiveDir: { ok: isPath, expected: 'an absolute path' },
  archiveHomes: { ok: (v) => typeof v === 'boolean', expected: 'true or false' },
  reservedNames: { ok: isListOf(/^[^\s:]{1,64}$/), expected: 'a list of names' },
  uids: { ok: isUids, expected: 'a uid for each of some object ids in lower case, no number twice' },
};

/** Validates the text of a policy file. Throws AgentError `failed` that names every wrong field at once. */
export function parsePolicy(text: string, file: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusable(`${file} is not JSON: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unusable(`${file} must hold one JSON object`);
  }
  const problems = Object.entries(value).flatMap(([key, field]) => {
    if (!Object.hasOwn(RULES, key)) return [`${key} is unknown (known: ${Object.keys(RULES).join(', ')})`];
    const rule = RULES[key as keyof Policy];
    return rule.ok(field) ? [] : [`${key} is ${JSON.stringify(field).slice(0, 80)}, expected ${rule.expected}`];
  });
  if (!Object.hasOwn(value, 'version')) problems.push('version is missing, expected 1');
  if (problems.length > 0) {
    throw unusable(`${file}: ${problems.join('; ')}`, `correct ${file} as root`);
  }
  return { ...DEFAULT_POLICY, ...(value as Partial<Policy>) };
}

/**
 * Reads the policy file. It must be a regular file of `ownerUid` (root) that nobody else can write; otherwise, and
 * for any wrong field, throws AgentError `failed`.
 */
export function loadPolicy(file: string, ownerUid = 0): Policy {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const why = `the policy file ${file} cannot be read: ${messageOf(error)}`;
    throw unusable(why, `create ${file} as root`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw unusable(`the policy file ${file} is not a regular file`);
    if (stat.uid !== ownerUid || (stat.mode & 0o022) !== 0) {
      const mode = (stat.mode & 0o7777).toString(8);
      throw unusable(
        `the policy file ${file} belongs to uid ${stat.uid} with mode ${mode}: others could write it`,
        `chown root:root ${file} && chmod 0600 ${file}`,
      );
    }
    return parsePolicy(readFileSync(fd, 'utf8'), file);
  } finally {
    closeSync(fd);
  }
}

/** The policy cannot be gone by, so nothing is done until root has mended it. */
function unusable(message: string, remedy?: string): AgentError {
  return new AgentError('failed', message, remedy, 'policy');
}

function isCount(value: unknown, from: unknown, to: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= (from as number) && (value as number) <= to;
}

function isUids(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const uids = Object.values(value);
  const isUid = (uid: unknown) => SPANS.some(([from, to]) => isCount(uid, from, to));
  return Object.keys(value).every(isGuid) && uids.every(isUid) && new Set(uids).size === uids.length;
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && PLAIN_PATH.test(value) && !/\/\.\.?(\/|$)/.test(value);
}

function isListOf(pattern: RegExp): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every((item) => typeof item === 'string' && pattern.test(item));
}

function isSudo(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { enabled, nopasswd, ...rest } = value as Record<string, unknown>;
  return typeof enabled === 'boolean' && typeof nopasswd === 'boolean' && Object.keys(rest).length === 0;
}
