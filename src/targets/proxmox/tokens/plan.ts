import { conflictsOf } from './conflicts.js';
import type { TokenDeclaration } from './declaration.js';
import { entriesOf, fullId, isSameEntry, isSameGrant } from './entries.js';
import { expectedExpiry, expectedMark } from './expiry.js';
import { leftOver } from './left-over.js';
import { ownerComment, rolesInMark } from './marks.js';
import type { AclEntry, ObservedAccess, ObservedToken } from './observed.js';
import { isSameRole } from './privileges.js';
import { markOfToken, type TokenMark, tokenComment } from './token-mark.js';

/** What a sink has of a token: its secret, that of another token, or nothing; and whether Proxmox takes it. */
export type SecretState =
  | { state: 'valid' | 'of-another' | 'absent' }
  /** `doubt`: what may be the reason besides the secret. */
  | { state: 'refused'; doubt?: string | undefined }
  /** It was stored where it can be read elsewhere alone. */
  | { state: 'sealed' }
  | { state: 'unreadable'; why: string };

/** One write, in the order in which they are done. */
export type TokenStep =
  | { do: 'owner.create'; owner: string; comment: string }
  | { do: 'owner.mark'; owner: string; comment: string }
  /** It stays, without our mark. */
  | { do: 'owner.release'; owner: string; comment: string }
  /** `owner`: whose comment names it. */
  | { do: 'role.create'; role: string; owner: string; privileges: readonly string[] }
  | { do: 'role.change'; role: string; privileges: readonly string[]; added: string[]; removed: string[] }
  | { do: 'acl.grant' | 'acl.revoke'; entry: AclEntry }
  | { do: 'token.delete'; owner: string; name: string; why: string }
  | { do: 'token.create'; declaration: TokenDeclaration }
  | { do: 'token.change'; declaration: TokenDeclaration; mark: TokenMark; expire: number; changes: string[] }
  /** Look with the token itself at what it may do, then note in its comment that its secret is stored. */
  | { do: 'token.confirm'; declaration: TokenDeclaration }
  /** The secret lies in another of its places already. */
  | { do: 'secret.copy'; declaration: TokenDeclaration; places: readonly string[] }
  | { do: 'owner.delete'; owner: string }
  | { do: 'role.delete'; role: string };

/** What stands in the way of one declaration; nothing of it is done. */
export interface TokenConflict {
  token: string;
  why: string;
  remedy: string;
}

export interface TokenPlan {
  steps: TokenStep[];
  conflicts: TokenConflict[];
  /** Worth knowing, nothing to do: rights on /, tokens that are marked and not declared. */
  remarks: string[];
}

export interface PlanOptions {
  /** With the ids that stand for them now, see `currentTokenId`. */
  declared: readonly TokenDeclaration[];
  observed: ObservedAccess;
  /** By full token id; asked for tokens that exist. */
  secrets: ReadonlyMap<string, SecretState>;
  /** Take what is there without a mark under management. */
  adopt: boolean;
  /** Owners of which another file of declarations on this host speaks, by that file: nothing of theirs is removed. */
  elsewhere?: ReadonlyMap<string, string> | undefined;
  /** Remove what is marked and no longer declared. */
  prune: boolean;
  /** Epoch ms. */
  now: number;
}

/** What it takes to make the declarations true. Pure. */
export function planTokens(options: PlanOptions): TokenPlan {
  const { declared, observed, adopt } = options;
  const conflicts = declared.flatMap((token) => conflictsOf(token, options));
  const blocked = new Set(conflicts.map(({ token }) => token));
  const good = declared.filter((token) => !blocked.has(fullId(token)));
  const marks = new Map<string, string[]>();
  for (const [owner, { comment }] of observed.owners) {
    const roles = rolesInMark(comment);
    if (roles) marks.set(owner, roles);
  }
  const ours = new Set([...marks.values()].flat());
  const stands = (role: string) => observed.roles.has(role) || declared.some((token) => token.role === role);
  const steps: TokenStep[] = [];
  const marking = new Map<string, readonly string[]>(marks);
  for (const owner of new Set(good.map((token) => token.owner))) {
    const made = good.filter((token) => token.owner === owner && isOurRole(token, observed, ours, adopt));
    // A role that is gone is ours no longer: one of that name may be somebody else's.
    const roles = [...(marks.get(owner) ?? []).filter(stands), ...made.map(({ role }) => role)];
    marking.set(owner, roles);
    const seen = observed.owners.get(owner);
    const comment = ownerComment(roles, seen?.comment);
    if (!seen) steps.push({ do: 'owner.create', owner, comment });
    else if (seen.comment !== comment) steps.push({ do: 'owner.mark', owner, comment });
  }
  const roles = new Map(good.map((token) => [token.role, token]));
  for (const token of roles.values()) steps.push(...roleSteps(token, observed));
  const wanted = good.flatMap(entriesOf);
  // The owner's rights come before the token: a token never has more than its owner.
  steps.push(...missingEntries(wanted, observed, 'user'));
  const ofTokens = good.flatMap((token) => tokenSteps(token, options));
  const afresh = new Set(ofTokens.flatMap((step) => (step.do === 'token.create' ? [fullId(step.declaration)] : [])));
  const own = missingEntries(wanted, observed, 'token', afresh);
  const isAfresh = (step: TokenStep) => step.do === 'acl.grant' && afresh.has(step.entry.ugid);
  // Before a token that is there gets rights of its own, since it would have none until then.
  steps.push(...own.filter((step) => !isAfresh(step)), ...ofTokens, ...own.filter(isAfresh));
  steps.push(...good.filter((token) => isUnconfirmed(token, options)).map(confirm));
  const left = leftOver(options, marks);
  if (options.prune) steps.push(...left.steps, ...marksWithout(left.steps, marking, observed));
  return { steps, conflicts, remarks: [...remarksOn(good), ...(options.prune ? left.spared : left.remarks)] };
}

/** Whether the role is one that we made, make now, or take over; a fitting one of somebody else is only used. */
function isOurRole(
  { role, privileges }: TokenDeclaration,
  { roles }: ObservedAccess,
  ours: ReadonlySet<string>,
  adopt: boolean,
): boolean {
  if (!privileges) return false;
  return adopt || ours.has(role) || !roles.has(role);
}

function roleSteps({ role, owner, privileges }: TokenDeclaration, { roles }: ObservedAccess): TokenStep[] {
  if (!privileges) return [];
  const held = roles.get(role);
  if (!held) return [{ do: 'role.create', role, owner, privileges }];
  if (isSameRole(held, privileges)) return [];
  const added = privileges.filter((privilege) => !held.has(privilege));
  const removed = [...held].filter((privilege) => !privileges.includes(privilege)).sort();
  return [{ do: 'role.change', role, privileges, added, removed }];
}

function tokenSteps(declaration: TokenDeclaration, { observed, secrets, now }: PlanOptions): TokenStep[] {
  const { owner, name } = declaration;
  const seen = observed.owners.get(owner)?.tokens.get(name);
  if (!seen) return [{ do: 'token.create', declaration }];
  if (markOfToken(seen.comment)?.state === 'pending' && secrets.get(fullId(declaration))?.state !== 'valid') {
    const why = 'its secret was never stored';
    return [
      { do: 'token.delete', owner, name, why },
      { do: 'token.create', declaration },
    ];
  }
  const mark = expectedMark(declaration, seen, now);
  const expire = expectedExpiry(declaration, mark);
  const changes = changesOf(declaration, seen, mark, expire);
  return changes.length > 0 ? [{ do: 'token.change', declaration, mark, expire, changes }] : [];
}

function isUnconfirmed({ owner, name }: TokenDeclaration, { observed }: PlanOptions): boolean {
  const seen = observed.owners.get(owner)?.tokens.get(name);
  return !seen || markOfToken(seen.comment)?.state === 'pending';
}

function confirm(declaration: TokenDeclaration): TokenStep {
  return { do: 'token.confirm', declaration };
}

function changesOf(declaration: TokenDeclaration, seen: ObservedToken, mark: TokenMark, expire: number): string[] {
  const comment = tokenComment(declaration.comment, mark);
  const differing: [string, unknown, unknown][] = [
    ['comment', JSON.stringify(seen.comment), JSON.stringify(comment)],
    ['expire', showExpiry(seen.expire), showExpiry(expire)],
    ['privsep', Number(seen.privsep), Number(declaration.privsep)],
  ];
  return differing.filter(([, is, shall]) => is !== shall).map(([name, is, shall]) => `${name}: ${is} -> ${shall}`);
}

export function showExpiry(seconds: number): string {
  return seconds === 0 ? 'never' : new Date(seconds * 1000).toISOString();
}

/** The owners' comments once roles are removed: a later role of such a name is not ours. */
function marksWithout(
  steps: readonly TokenStep[],
  marking: ReadonlyMap<string, readonly string[]>,
  { owners }: ObservedAccess,
): TokenStep[] {
  const gone = new Set(steps.flatMap((step) => (step.do === 'role.delete' ? [step.role] : [])));
  const left = new Set(
    steps.flatMap((step) => (step.do === 'owner.delete' || step.do === 'owner.release' ? [step.owner] : [])),
  );
  return [...marking].flatMap(([owner, roles]): TokenStep[] => {
    if (left.has(owner) || !roles.some((role) => gone.has(role))) return [];
    const stay = roles.filter((role) => !gone.has(role));
    return [{ do: 'owner.mark', owner, comment: ownerComment(stay, owners.get(owner)?.comment) }];
  });
}

function missingEntries(
  wanted: readonly AclEntry[],
  { acl }: ObservedAccess,
  type: AclEntry['type'],
  afresh: ReadonlySet<string> = new Set(),
): TokenStep[] {
  const missing = wanted.filter(
    (entry) => entry.type === type && (afresh.has(entry.ugid) || !acl.some((seen) => isSameEntry(seen, entry))),
  );
  return unique(missing).map((entry) => ({ do: 'acl.grant', entry }));
}

function remarksOn(tokens: readonly TokenDeclaration[]): string[] {
  return tokens
    .filter(({ paths }) => paths.includes('/'))
    .map((token) => `${fullId(token)} has ${token.role} on everything (/); name what it needs in "paths"`);
}

/** Two tokens of one owner may ask for the same entry. */
function unique(entries: readonly AclEntry[]): AclEntry[] {
  return entries.filter((entry, index) => entries.findIndex((other) => isSameGrant(other, entry)) === index);
}
