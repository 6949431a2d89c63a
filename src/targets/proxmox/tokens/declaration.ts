import { z } from 'zod';
import { addressOf, type DeclaredSink, declaredSink, defaultSink, placesOf } from './declared-sink.js';
import {
  aclPath,
  expiryOrLife,
  flag,
  longTime,
  ownerId,
  pbsPath,
  privilege,
  roleId,
  tokenName,
} from './declared-values.js';
import { fullId } from './entries.js';
import { isNamedLike } from './family.js';

/** One entry of `token_setup.json`, checked. */
export interface TokenDeclaration {
  /** The token id, and the name of its file. */
  name: string;
  /** `terraform-prov@pve`: the user that owns the token. */
  owner: string;
  role: string;
  /** Exactly what the role shall hold, sorted; undefined: a built-in role, which is used as it is. */
  privileges: readonly string[] | undefined;
  comment: string;
  /** Seconds since the epoch; 0: never. The end of the access: no rotation moves it. */
  expire: number;
  /** How long each token lives, from when its secret was made; `expire` says nothing then. */
  lifetimeMs?: number | undefined;
  /** true: the token has rights of its own, which never exceed its owner's. */
  privsep: boolean;
  /** Where the role holds. */
  paths: readonly string[];
  /** Whether it also holds below these paths. */
  propagate: boolean;
  /** Further roles on other paths, which are there already; no file says this, Entramox's own declaration does. */
  besides?: readonly BesideGrant[] | undefined;
  rotateEveryMs: number | undefined;
  /** How long the former token lives beside a new one; undefined: see `overlapOf`. */
  rotateOverlapMs?: number | undefined;
  /** The declared name, where `name` is the id of a token that came after it by a rotation. */
  family?: string | undefined;
  sink: DeclaredSink;
}

/** A role on some paths, beside the declared one. */
export type BesideGrant = Pick<TokenDeclaration, 'role' | 'paths' | 'propagate'>;

/** Either all declarations, or every mistake: `token_setup[2].expire: expected ...`. */
export type Declared = { ok: true; tokens: TokenDeclaration[] } | { ok: false; problems: string[] };

/** Roles that PVE makes itself; their privileges are PVE's. */
const BUILT_IN = /^(?:PVE.*|Administrator|NoAccess)$/i;

/** Whose tokens a file declares. */
export type TokenServer = 'pve' | 'pbs';

const entryOf = (server: TokenServer) =>
  z
    .strictObject({
      name: tokenName,
      ugid: ownerId,
      role: roleId,
      comment: z.string().max(1000).default(''),
      expire: expiryOrLife.default(0),
      privsep: flag.default(true),
      privileges: z.array(privilege).min(1, 'name at least one privilege').optional(),
      paths: z
        .array(server === 'pbs' ? pbsPath : aclPath)
        .min(1, 'name at least one path, or leave paths out for "/"')
        .default(['/']),
      propagate: flag.default(true),
      rotate_every: longTime.optional(),
      rotate_overlap: longTime.optional(),
      sink: declaredSink.optional(),
    })
    .superRefine(({ role, privileges, privsep, expire, rotate_every, rotate_overlap = 0 }, context) => {
      const lifetime = typeof expire === 'number' ? undefined : expire.lifetimeMs;
      for (const [name, span] of [['rotate_every', rotate_every] as const, ['expire', lifetime] as const]) {
        if (span === undefined || rotate_overlap < span) continue;
        const message = `must be shorter than ${name}, or a third token would come while two are in use`;
        context.addIssue({ code: 'custom', path: ['rotate_overlap'], message });
      }
      if (server === 'pbs' && !privsep) {
        const message = 'tokens of Proxmox Backup Server always have rights of their own: leave privsep out';
        context.addIssue({ code: 'custom', path: ['privsep'], message });
      }
      const isBuiltIn = server === 'pbs' || BUILT_IN.test(role);
      if (isBuiltIn && privileges) {
        const message = `${role} is a role of Proxmox itself and cannot be changed: leave privileges out, or choose another name`;
        context.addIssue({ code: 'custom', path: ['privileges'], message });
      }
      if (!isBuiltIn && !privileges) {
        context.addIssue({ code: 'custom', path: ['privileges'], message: 'missing: what the role shall hold' });
      }
    })
    .transform(
      (given): TokenDeclaration => ({
        name: given.name,
        owner: given.ugid,
        role: given.role,
        privileges: given.privileges && [...new Set(given.privileges)].sort(),
        comment: given.comment,
        ...(typeof given.expire === 'number' ? { expire: given.expire } : { expire: 0, ...given.expire }),
        privsep: given.privsep,
        paths: [...new Set(given.paths)].sort(),
        propagate: given.propagate,
        rotateEveryMs: given.rotate_every,
        rotateOverlapMs: given.rotate_overlap,
        sink: given.sink?.(given.name) ?? defaultSink(given.name),
      }),
    );

const files = {
  pve: z.strictObject({ token_setup: z.array(entryOf('pve')) }),
  pbs: z.strictObject({ token_setup: z.array(entryOf('pbs')) }),
};

/**
 * Reads the text of a `token_setup.json`. `now` (epoch ms) tells an expiry that is over. For Proxmox Backup Server, which
 * has no roles of one's own, a declaration names a role and no privileges. Never throws.
 */
export function readDeclarations(text: string, now: number, server: TokenServer = 'pve'): Declared {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`not JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const read = files[server].safeParse(json);
  if (!read.success) {
    return { ok: false, problems: read.error.issues.map((issue) => `${place(issue.path)}: ${issue.message}`) };
  }
  const tokens = read.data.token_setup;
  const problems = [...findOver(tokens, now), ...findContradictions(tokens), ...findTakenNames(tokens)];
  return problems.length > 0 ? { ok: false, problems } : { ok: true, tokens };
}

function place(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text.replace(/^\./, '') || 'the file';
}

function findOver(tokens: readonly TokenDeclaration[], now: number): string[] {
  return tokens.flatMap(({ expire }, index) =>
    expire !== 0 && expire * 1000 <= now
      ? [`token_setup[${index}].expire: ${new Date(expire * 1000).toISOString()} is over; 0 means never`]
      : [],
  );
}

/** Two entries that cannot both be true. */
function findContradictions(tokens: readonly TokenDeclaration[]): string[] {
  const seen = new Map<string, { index: number; value: string }>();
  const problems: string[] = [];
  const claim = (index: number, what: string, value: string) => {
    const first = seen.get(what);
    if (!first) seen.set(what, { index, value });
    else if (first.value !== value) {
      problems.push(`token_setup[${index}]: ${what} is declared otherwise in token_setup[${first.index}]`);
    }
  };
  tokens.forEach((token, index) => {
    claim(index, `the token ${token.owner}!${token.name}`, String(index));
    claim(index, `the role ${token.role}`, JSON.stringify(token.privileges));
    placesOf(token.sink).forEach((place, at) => {
      claim(index, `the place where secrets go (${addressOf(place)})`, `${index}.${at}`);
    });
  });
  return problems;
}

/** Names that a rotation would give to another token of the file, which nobody would find out before it is due. */
function findTakenNames(tokens: readonly TokenDeclaration[]): string[] {
  return tokens.flatMap(({ owner, name, rotateEveryMs, lifetimeMs }, index) => {
    if (rotateEveryMs === undefined && lifetimeMs === undefined) return [];
    const taking = tokens.findIndex((other) => other.name !== name && isNamedLike({ owner, name }, fullId(other)));
    if (taking < 0) return [];
    const why = `${tokens[taking]?.name} is what a rotation of ${name} (token_setup[${index}]) would be called`;
    return [`token_setup[${taking}].name: ${why}: choose another name`];
  });
}
