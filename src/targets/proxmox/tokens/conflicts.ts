import { ownerIn } from '../../../domain/proxmox-comment.js';
import { shellQuote } from '../text.js';
import type { TokenDeclaration } from './declaration.js';
import { fullId } from './entries.js';
import { expectedExpiry, expectedMark } from './expiry.js';
import { isOwnUser, rolesInMark } from './marks.js';
import type { ObservedAccess } from './observed.js';
import type { PlanOptions, SecretState, TokenConflict } from './plan.js';
import { findUnknownPrivileges, isSameRole } from './privileges.js';
import { markOfToken } from './token-mark.js';

/** Why a declaration is not done, with what to do about each reason; empty: nothing is in its way. */
export function conflictsOf(token: TokenDeclaration, options: PlanOptions): TokenConflict[] {
  const { observed, adopt, secrets, now } = options;
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
  if (owner && isOwnUser(owner.comment) && !token.besides) {
    const remedy = 'name another user in ugid; its own token is made by "entramox token self"';
    found.push({ why: `the user ${token.owner} is Entramox's own`, remedy });
  }
  if (owner && !owner.enabled) {
    found.push({ why: `the user ${token.owner} is disabled`, remedy: `pveum user modify ${token.owner} --enable 1` });
  }
  const secret = secrets.get(id);
  const seen = owner?.tokens.get(token.name);
  const mark = seen && markOfToken(seen.comment);
  if (mark && mark.family !== token.family) {
    const why = `the token ${id} came from ${token.owner}!${mark.family ?? token.family} by a rotation`;
    found.push({ why, remedy: 'choose another name' });
  }
  // Somebody may be using it with a secret that is kept elsewhere, or cannot be read just now, and would be cut off.
  const isLost = seen && (mark?.state !== 'pending' || secret?.state === 'unreadable');
  // One that has ended is refused with any secret. Whether it is the right one shows once it is declared longer.
  const shall = seen && expectedExpiry(token, expectedMark(token, seen, now));
  const isProlonged = shall !== undefined && secret?.state === 'refused' && isLonger(shall, seen?.expire ?? 0);
  const isHeld = secret?.state === 'valid' || secret?.state === 'sealed';
  if (isLost && !isHeld && !isProlonged) {
    const why = `the token ${id} exists, and ${describeSecret(secret, token.sink.place)}`;
    const remedy = `put its secret there, or have a new one made, while this one goes on working for a while: entramox token rotate ${shellQuote(id)}`;
    found.push({ why, remedy });
  }
  return found.map((conflict) => ({ token: id, ...conflict }));
}

function isLonger(declared: number, seen: number): boolean {
  return seen !== 0 && (declared === 0 || declared > seen);
}

/** What is wrong with the secret of a token that is there, to follow its name. */
export function describeSecret(secret: SecretState | undefined, place: string): string {
  switch (secret?.state) {
    case 'refused':
      return `Proxmox refuses the secret in ${place}${secret.doubt ? ` (or ${secret.doubt})` : ''}`;
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
  if (!held || !token.privileges || isSameRole(held, token.privileges)) return false;
  return ![...observed.owners.values()].some(({ comment }) => rolesInMark(comment)?.includes(token.role));
}
