import { z } from 'zod';

/** PVE's rules for names are those of its API viewer (pve-configid and userid formats); ours leave out what it corrupts. */
const NAME = /^[A-Za-z][A-Za-z0-9._-]+$/;
const OWNER = /^[\x21-\x7e]+@[A-Za-z][A-Za-z0-9._-]+$/;
/** Accepted by PVE in a userid, and then taken apart again at these. */
const CORRUPTING = /[,;:/!=]/;
const DAY_MS = 86_400_000;

export const tokenName = z
  .string()
  .max(64)
  .regex(NAME, 'expected a token id: letters, digits, ".", "_" and "-", at least two, a letter first');

export const roleId = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9._-]+$/, 'expected the name of a role: letters, digits, ".", "_" and "-"');

export const ownerId = z
  .string()
  .max(64, 'PVE takes at most 64 characters, the realm included')
  .regex(OWNER, 'expected user@realm, in ASCII and without spaces')
  .refine((text) => !CORRUPTING.test(text), 'must hold none of , ; : / ! =')
  .refine((text) => text !== 'root@pam', 'root@pam may do everything: make a user of its own for a token');

export const privilege = z.string().regex(/^[A-Z][A-Za-z]*(?:\.[A-Za-z]+)+$/, 'expected a privilege such as VM.Audit');

export const aclPath = z
  .string()
  .max(512)
  .regex(
    /^\/(?:(?:access|mapping|nodes|pool|sdn|storage|vms)(?:\/[A-Za-z0-9._-]+){0,4})?$/,
    'expected a path of Proxmox such as /, /pool/lab, /vms/100 or /storage/local, without a slash at its end',
  )
  .refine((text) => !text.split('/').some((part) => part === '.' || part === '..'), 'must not hold . or ..');

/** Of Proxmox Backup Server (pbs-config, check_acl_path), without looking whether it exists. */
export const pbsPath = z
  .string()
  .max(128)
  .regex(
    /^\/(?:(?:access|datastore|remote|system|tape)(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,9})?$/,
    'expected a path of Proxmox Backup Server such as /, /datastore/main or /remote/other, without a slash at its end',
  );

/** PVE's 0 and 1, or JSON's false and true. */
export const flag = z
  .union([z.literal([0, 1, '0', '1']), z.boolean()], { error: 'expected 0 or 1' })
  .transform((value) => value === true || value === 1 || value === '1');

/** Seconds since the epoch as PVE has it (0: never), or a date, whose day is still included. */
export const expiry = z.union([z.number(), z.string()]).transform((value, context) => {
  const seconds = typeof value === 'number' ? value : secondsOf(value);
  if (seconds !== undefined && Number.isInteger(seconds) && seconds >= 0 && seconds < 1e11) return seconds;
  const message = 'expected seconds since 1970, 0 for never, or a date such as 2027-11-22 or 2027-11-22T12:00:00Z';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

function secondsOf(text: string): number | undefined {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const start = exactDay(text);
    return start === undefined ? undefined : (start + DAY_MS) / 1000 - 1;
  }
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) || exactDay(text.slice(0, 10)) === undefined ? undefined : Math.floor(time / 1000);
}

/** The start of a day in UTC; undefined for one that no calendar has, which Date would move to the next month. */
function exactDay(text: string): number | undefined {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text) ? time : undefined;
}

/** `90d`, `12h`: at least an hour, since consumers must be able to follow. */
export const longTime = z
  .string()
  .regex(/^[1-9]\d{0,4}[hd]$/, 'expected hours or days, such as 90d')
  .transform((text) => Number(text.slice(0, -1)) * (text.endsWith('d') ? DAY_MS : DAY_MS / 24));

/** An end as `expiry` has it, or a time to live as `longTime` has it, which counts anew for each token. */
export const expiryOrLife = z.union([z.number(), z.string()]).transform((value, context) => {
  if (typeof value === 'string' && /^[1-9]\d{0,4}[hd]$/.test(value)) return { lifetimeMs: longTime.parse(value) };
  const read = expiry.safeParse(value);
  if (read.success) return read.data;
  const message = `${read.error.issues[0]?.message}, or how long each token lives, such as 90d`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});
