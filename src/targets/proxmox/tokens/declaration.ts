import { z } from 'zod';
import { type DeclaredSink, declaredSink, defaultSink } from './declared-sink.js';
import { aclPath, expiry, flag, longTime, ownerId, privilege, roleId, tokenName } from './declared-values.js';

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
  /** Seconds since the epoch; 0: never. */
  expire: number;
  /** true: the token has rights of its own, which never exceed its owner's. */
  privsep: boolean;
  /** Where the role holds. */
  paths: readonly string[];
  /** Whether it also holds below these paths. */
  propagate: boolean;
  rotateEveryMs: number | undefined;
  sink: DeclaredSink;
}

/** Either all declarations, or every mistake: `token_setup[2].expire: expected ...`. */
export type Declared = { ok: true; tokens: TokenDeclaration[] } | { ok: false; problems: string[] };

/** Roles that PVE makes itself; their privileges are PVE's. */
const BUILT_IN = /^(?:PVE.*|Administrator|NoAccess)$/i;

const entry = z
  .strictObject({
    name: tokenName,
    ugid: ownerId,
    role: roleId,
    comment: z.string().max(1000).default(''),
    expire: expiry.default(0),
    privsep: flag.default(true),
    privileges: z.array(privilege).min(1, 'name at least one privilege').optional(),
    paths: z.array(aclPath).min(1, 'name at least one path, or leave paths out for "/"').default(['/']),
    propagate: flag.default(true),
    rotate_every: longTime.optional(),
    sink: declaredSink.optional(),
  })
  .superRefine(({ role, privileges }, context) => {
    const isBuiltIn = BUILT_IN.test(role);
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
      expire: given.expire,
      privsep: given.privsep,
      paths: [...new Set(given.paths)].sort(),
      propagate: given.propagate,
      rotateEveryMs: given.rotate_every,
      sink: given.sink ?? defaultSink(given.name),
    }),
  );

const file = z.strictObject({ token_setup: z.array(entry) });

/** Reads the text of a `token_setup.json`. `now` (epoch ms) tells an expiry that is over. Never throws. */
export function readDeclarations(text: string, now: number): Declared {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`not JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const read = file.safeParse(json);
  if (!read.success) {
    return { ok: false, problems: read.error.issues.map((issue) => `${place(issue.path)}: ${issue.message}`) };
  }
  const tokens = read.data.token_setup;
  const problems = [...findOver(tokens, now), ...findContradictions(tokens)];
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
    claim(index, `the place where secrets go (${token.sink.place})`, String(index));
  });
  return problems;
}
