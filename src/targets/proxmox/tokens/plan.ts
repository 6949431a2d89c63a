import { ownerIn } from '../../../domain/proxmox-comment.js';
import type { TokenDeclaration } from './declaration.js';
import { entriesOf, fullId, isSameEntry, isSameGrant } from './entries.js';
import { leftOver } from './left-over.js';
import { markOfToken, ownerComment, rolesInMark, type TokenMark, tokenComment } from './marks.js';
import type { AclEntry, ObservedAccess, ObservedToken } from './observed.js';
import { findUnknownPrivileges } from './privileges.js';

/** What a sink has of a token: its secret, that of another token, or nothing; and whether Proxmox takes it. */
export type SecretState =
  | { state: 'valid' | 'refused' | 'of-another' | 'absent' }
  | { state: 'unreadable'; why: string };

/** One write, in the order in which they are done. */
export type TokenStep =
  | { do: 'owner.create'; owner: string; comment: string }
  | { do: 'owner.mark'; owner: string; comment: string }
  /** It stays, without our mark. */
  | { do: 'owner.release'; owner: string; comment: string }
  | { do: 'role.create'; role: string; privileges: readonly string[] }
  | { do: 'role.change'; role: string; privileges: readonly string[]; added: string[]; removed: string[] }
  | { do: 'acl.grant' | 'acl.revoke'; entry: AclEntry }
  | { do: 'token.delete'; owner: string; name: string; why: string }
  | { do: 'token.create'; declaration: TokenDeclaration }
  | { do: 'token.change'; declaration: TokenDeclaration; mark: TokenMark; changes: string[] }
  /** Look with the token itself at what it may do, then note in its comment that its secret is stored. */
  | { do: 'token.confirm'; declaration: TokenDeclaration }
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
  declared: readonly TokenDeclaration[];
  observed: ObservedAccess;
  /** By full token id; asked for tokens that exist. */
  secrets: ReadonlyMap<string, SecretState>;
  /** Take what is there without a mark under management. */
  adopt: boolean;
  /** Remove what is marked and no longer declared. */
  prune: boolean;
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
  for (const token of good) steps.push(...tokenSteps(token, options));
  const afresh = new Set(steps.flatMap((step) => (step.do === 'token.create' ? [fullId(step.declaration)] : [])));
  steps.push(...missingEntries(wanted, observed, 'token', afresh));
  steps.push(...good.filter((token) => isUnconfirmed(token, options)).map(confirm));
  // What is in conflict is declared all the same, and keeps its rights.
  const left = leftOver(options, marks, declared.flatMap(entriesOf));
  if (options.prune) steps.push(...left.steps, ...marksWithout(left.steps, marking, observed));
  return { steps, conflicts, remarks: [...remarksOn(good), ...(options.prune ? [] : left.remarks)] };
}

function conflictsOf(token: TokenDeclaration, { observed, adopt, secrets }: PlanOptions): TokenConflict[] {
  const id = fullId(token);
  const found: Omit<TokenConflict, 'token'>[] = [];
  const unknown = findUnknownPrivileges(token.privileges ?? [], observed.knownPrivileges);
  for (const { privilege, instead } of unknown) {
    const why = `Proxmox VE ${observed.version} does not know the privilege ${privilege}`;
    found.push({ why, remedy: instead ? `write ${instead} instead` : 'take it out of privileges' });
  }
  if (!token.privileges && !observed.roles.has(token.role)) {
    found.push({ why: `there is no built-in role ${token.role}`, remedy: 'name one of "pveum role list"' });
  }
  const owner = observed.owners.get(token.owner);
  const adoption = 'run with --adopt if it is meant to be looked after from now on, or choose another name';
  if (!adopt) {
    if (owner && rolesInMark(owner.comment) === undefined) {
      found.push({ why: `the user ${token.owner} is there and is not marked as ours`, remedy: adoption });
    }
    if (isDriftOfForeignRole(token, observed)) {
      const why = `the role ${token.role} is there with other privileges and is not marked as ours`;
      found.push({ why, remedy: adoption });
    }
    const seen = owner?.tokens.get(token.name);
    if (seen && markOfToken(seen.comment) === undefined) {
      found.push({ why: `the token ${id} is there and is not marked as ours`, remedy: adoption });
    }
  }
  if (owner && ownerIn(owner.comment) !== undefined) {
    found.push({ why: `the user ${token.owner} stands for a person`, remedy: 'name a user of its own in ugid' });
  }
  if (owner && !owner.enabled) {
    found.push({ why: `the user ${token.owner} is disabled`, remedy: `pveum user modify ${token.owner} --enable 1` });
  }
  const secret = secrets.get(id);
  const seen = owner?.tokens.get(token.name);
  // Somebody may be using it with a secret that is kept elsewhere, or cannot be read just now, and would be cut off.
  const isLost = seen && (markOfToken(seen.comment) !== 'pending' || secret?.state === 'unreadable');
  if (isLost && secret?.state !== 'valid') {
    const why = `the token ${id} exists, and ${describeSecret(secret, token.sink.place)}`;
    const remedy = `put its secret there, or delete the token (pveum user token delete ${token.owner} ${token.name}) to have a new one`;
    found.push({ why, remedy });
  }
  return found.map((conflict) => ({ token: id, ...conflict }));
}

function describeSecret(secret: SecretState | undefined, place: string): string {
  switch (secret?.state) {
    case 'refused':
      return `Proxmox refuses the secret in ${place}`;
    case 'of-another':
      return `the secret of another token lies in ${place}`;
    case 'unreadable':
      return secret.why;
    default:
      return `no secret of it lies in ${place}`;
  }
}

function isDriftOfForeignRole(token: TokenDeclaration, observed: ObservedAccess): boolean {
  const held = observed.roles.get(token.role);
  if (!held || !token.privileges || isSame(held, token.privileges)) return false;
  return ![...observed.owners.values()].some(({ comment }) => rolesInMark(comment)?.includes(token.role));
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

function roleSteps({ role, privileges }: TokenDeclaration, { roles }: ObservedAccess): TokenStep[] {
  if (!privileges) return [];
  const held = roles.get(role);
  if (!held) return [{ do: 'role.create', role, privileges }];
  if (isSame(held, privileges)) return [];
  const added = privileges.filter((privilege) => !held.has(privilege));
  const removed = [...held].filter((privilege) => !privileges.includes(privilege)).sort();
  return [{ do: 'role.change', role, privileges, added, removed }];
}

function tokenSteps(declaration: TokenDeclaration, { observed, secrets }: PlanOptions): TokenStep[] {
  const { owner, name } = declaration;
  const seen = observed.owners.get(owner)?.tokens.get(name);
  if (!seen) return [{ do: 'token.create', declaration }];
  if (markOfToken(seen.comment) === 'pending' && secrets.get(fullId(declaration))?.state !== 'valid') {
    const why = 'its secret was never stored';
    return [
      { do: 'token.delete', owner, name, why },
      { do: 'token.create', declaration },
    ];
  }
  // The comment of a pending one loses its mark when it is confirmed, and not before.
  const mark = markOfToken(seen.comment) ?? 'stored';
  const changes = changesOf(declaration, seen, mark);
  return changes.length > 0 ? [{ do: 'token.change', declaration, mark, changes }] : [];
}

function isUnconfirmed({ owner, name }: TokenDeclaration, { observed }: PlanOptions): boolean {
  const seen = observed.owners.get(owner)?.tokens.get(name);
  return !seen || markOfToken(seen.comment) === 'pending';
}

function confirm(declaration: TokenDeclaration): TokenStep {
  return { do: 'token.confirm', declaration };
}

function changesOf(declaration: TokenDeclaration, seen: ObservedToken, mark: TokenMark): string[] {
  const comment = tokenComment(declaration.comment, mark);
  const differing: [string, unknown, unknown][] = [
    ['comment', JSON.stringify(seen.comment), JSON.stringify(comment)],
    ['expire', showExpiry(seen.expire), showExpiry(declaration.expire)],
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

function isSame(held: ReadonlySet<string>, privileges: readonly string[]): boolean {
  return held.size === privileges.length && privileges.every((privilege) => held.has(privilege));
}

/** Two tokens of one owner may ask for the same entry. */
function unique(entries: readonly AclEntry[]): AclEntry[] {
  return entries.filter((entry, index) => entries.findIndex((other) => isSameGrant(other, entry)) === index);
}
