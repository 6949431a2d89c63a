import { entriesOf, isSameGrant } from './entries.js';
import { familyOf } from './family.js';
import { isMadeByUs, isOwnUser, withoutOwnerMark } from './marks.js';
import type { PlanOptions, TokenStep } from './plan.js';
import { markOfToken } from './token-mark.js';

/** What is marked and no longer declared: the steps that remove it, and the same in words; and what is spared. */
export function leftOver(
  { declared, observed, elsewhere = new Map() }: PlanOptions,
  marks: ReadonlyMap<string, readonly string[]>,
): { steps: TokenStep[]; remarks: string[]; spared: string[] } {
  const steps: TokenStep[] = [];
  const remarks: string[] = [];
  const released: TokenStep[] = [];
  const spared: string[] = [];
  const doomedOwners = new Set<string>();
  // Former ones keep what they have until they are revoked, which is for a rotation to do.
  const living = declared.flatMap((token) => {
    const tokens = observed.owners.get(token.owner)?.tokens ?? new Map();
    const former = familyOf(token.family ?? token.name, tokens).filter(({ name }) => name !== token.name);
    return [token, ...former.map(({ name }) => ({ ...token, name }))];
  });
  // What is in conflict is declared all the same, and keeps its rights.
  const wanted = living.flatMap(entriesOf);
  for (const owner of marks.keys()) {
    const tokens = [...(observed.owners.get(owner)?.tokens ?? [])];
    const kept = living.filter((token) => token.owner === owner).map(({ name }) => name);
    // Entramox's own user stands in no file; whoever prunes one must not take the running service's rights.
    const isOwn = declared.some((token) => token.owner === owner && token.besides);
    if (!isOwn && isOwnUser(observed.owners.get(owner)?.comment ?? '')) continue;
    const other = elsewhere.get(owner);
    if (other !== undefined) {
      spared.push(`of ${owner} nothing is removed, since ${other} declares tokens of it too`);
      continue;
    }
    const gone = tokens.filter(([name, { comment }]) => !kept.includes(name) && markOfToken(comment) !== undefined);
    const foreign = tokens.some(([name, { comment }]) => !kept.includes(name) && markOfToken(comment) === undefined);
    for (const [name] of gone) {
      const id = `${owner}!${name}`;
      remarks.push(`the token ${id} is ours and no longer declared; --prune removes it`);
      // Before the token: its entries would stay behind as invalid lines.
      const own = observed.acl.filter(({ type, ugid }) => type === 'token' && ugid === id);
      steps.push(...own.map((entry): TokenStep => ({ do: 'acl.revoke', entry })));
      steps.push({ do: 'token.delete', owner, name, why: 'no longer declared' });
    }
    const seen = observed.owners.get(owner);
    const isAlone = !foreign && seen !== undefined && !seen.isInGroup && isMadeByUs(seen.comment);
    if (kept.length === 0 && isAlone) {
      doomedOwners.add(owner);
      remarks.push(`the user ${owner} is ours and no longer declared; --prune removes it`);
      steps.push({ do: 'owner.delete', owner });
      continue;
    }
    const managed = new Set([owner, ...kept.map((name) => `${owner}!${name}`)]);
    for (const entry of observed.acl) {
      if (!managed.has(entry.ugid) || wanted.some((other) => isSameGrant(other, entry))) continue;
      // Of whoever is given back, what we cannot have granted stays.
      if (kept.length === 0 && !marks.get(owner)?.includes(entry.roleid)) continue;
      remarks.push(`${entry.ugid} has ${entry.roleid} on ${entry.path}, which is not declared; --prune revokes it`);
      steps.push({ do: 'acl.revoke', entry });
    }
    if (kept.length > 0) continue;
    remarks.push(`the user ${owner} is no longer declared and in use otherwise; --prune takes our mark from it`);
    released.push({ do: 'owner.release', owner, comment: withoutOwnerMark(seen?.comment ?? '') });
  }
  const rolesElsewhere = [...elsewhere.keys()].flatMap((owner) => marks.get(owner) ?? []);
  const stillNamed = new Set([...declared.map(({ role }) => role), ...rolesElsewhere]);
  for (const role of new Set([...marks.values()].flat())) {
    const holders = observed.acl.filter((entry) => entry.roleid === role);
    const revoked = steps.flatMap((step) => (step.do === 'acl.revoke' ? [step.entry] : []));
    const used = holders.some((entry) => !revoked.includes(entry) && !doomedOwners.has(entry.ugid));
    if (stillNamed.has(role) || used || !observed.roles.has(role)) continue;
    remarks.push(`the role ${role} is ours and no longer declared; --prune removes it`);
    steps.push({ do: 'role.delete', role });
  }
  // Last: until then a run that dies still knows whose they are.
  return { steps: [...steps, ...released], remarks, spared };
}
