import type { Field } from './fields.js';
import { userIdProblem } from './identity.js';

const NAME = /^[A-Za-z0-9.\-_]+$/;
// One @ between a local part of unreserved characters and a host name; an apostrophe is refused.
const EMAIL = /^[\w+-]+(\.[\w+-]+)*@[\w-]+(\.[\w-]+)*$/;

/** The parameters that several calls share, each with the limits that Proxmox VE gives it. */
export const FIELD = {
  userid: { type: 'text', required: true, maxLength: 64, problem: userIdProblem },
  tokenid: {
    type: 'text',
    required: true,
    problem: (value) => (/^[A-Za-z][A-Za-z0-9.\-_]+$/.test(value) ? undefined : `value '${value}' is not a token id`),
  },
  groupid: { type: 'text', required: true, problem: groupProblem },
  roleid: { type: 'text', required: true, problem: roleProblem },
  groups: { type: 'text', list: true, problem: groupProblem },
  comment: { type: 'text' },
  userComment: { type: 'text', maxLength: 2048 },
  personName: { type: 'text', maxLength: 1024 },
  email: {
    type: 'text',
    maxLength: 254,
    problem: (value) =>
      value === '' || EMAIL.test(value) ? undefined : 'value does not look like a valid email address',
  },
  keys: { type: 'text', pattern: /^[0-9a-zA-Z!=]{0,4096}$/ },
  flag: { type: 'boolean' },
  expire: { type: 'integer', minimum: 0 },
  password: { type: 'text', minLength: 8, maxLength: 64 },
} as const satisfies Record<string, Field>;

/** Privileges that this release knows. */
export function privilegesField(known: readonly string[]): Field {
  return {
    type: 'text',
    list: true,
    problem: (value) => (known.includes(value) ? undefined : `invalid privilege '${value}'`),
  };
}

function groupProblem(value: string): string | undefined {
  return NAME.test(value) ? undefined : `group name '${value}' contains invalid characters`;
}

function roleProblem(value: string): string | undefined {
  return NAME.test(value) ? undefined : `role name '${value}' contains invalid characters`;
}
