import { isSameGrant } from './entries.js';
import { isMadeByUs, markOfToken, withoutOwnerMark } from './marks.js';
import type { AclEntry } from './observed.js';
import type { PlanOptions, TokenStep } from './plan.js';

/** What is marked and no longer declared: the steps that remove it, and the same in words. */
export function leftOver(
  { declared, observed }: PlanOptions,
  marks: ReadonlyMap<string, readonly string[]>,
  wanted: readonly AclEntry[],
): { steps: TokenStep[]; remarks: string[] } {
  const steps: TokenStep[] = [];
  const remarks: string[] = [];
  const released: TokenStep[] = [];
  const doomedOwners = new Set<string>();
  for (const owner of marks.keys()) {
    const tokens = [...(observed.owners.get(owner)?.tokens ?? [])];
    const kept = declared.filter((token) => token.owner === owner).map(({ name }) => name);
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
  const stillNamed = new Set(declared.map(({ role }) => role));
  for (const role of new Set([...marks.values()].flat())) {
    const holders = observed.acl.filter((entry) => entry.roleid === role);
    const revoked = steps.flatMap((step) => (step.do === 'acl.revoke' ? [step.entry] : []));
    const used = holders.some((entry) => !revoked.includes(entry) && !doomedOwners.has(entry.ugid));
    if (stillNamed.has(role) || used || !observed.roles.has(role)) continue;
    remarks.push(`the role ${role} is ours and no longer declared; --prune removes it`);
    steps.push({ do: 'role.delete', role });
  }
  // Last: until then a run that dies still knows whose they are.
  return { steps: [...steps, ...released], remarks };
}
