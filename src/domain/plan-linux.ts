import type { Entitlement } from './entitlement.js';
import type { LedgerEntry } from './ledger-entry.js';
import type { Wanted } from './lifecycle.js';
import type { TargetPlan } from './plan.js';
import type { LinuxAccount, Sight } from './sight.js';
import type { LinuxStep } from './step.js';
import { gecosOf } from './unix-name.js';

/** The steps that bring one Linux account to what is wanted. `name` is the Unix name it has or would get. */
export function planLinux(entry: LedgerEntry, wanted: Wanted, sight: Sight<LinuxAccount>, name: string): TargetPlan {
  switch (sight.certainty) {
    case 'unknown':
      return { steps: [], unknown: sight.why };
    case 'foreign':
      return wanted.presence === 'active' ? { steps: [], conflict: sight } : { steps: [] };
    case 'absent':
      if (wanted.presence !== 'active') return { steps: [] };
      return { steps: createSteps(entry, name, wanted.entitlement, undefined) };
    case 'present':
      return { steps: presentSteps(entry, wanted, sight.value) };
    default:
      return sight satisfies never;
  }
}

function presentSteps(entry: LedgerEntry, wanted: Wanted, account: LinuxAccount): LinuxStep[] {
  const step = { target: 'linux', oid: entry.oid, name: account.name } as const;
  const gone = account.state === 'deleted';
  const open = !account.locked || account.sudo || account.groups.length > 0;
  switch (wanted.presence) {
    case 'suspended':
    case 'grace':
      return !gone && open ? [{ ...step, action: 'lock', effect: 'lock' }] : [];
    case 'deleted': {
      if (gone) return [];
      const lock: LinuxStep[] = open ? [{ ...step, action: 'lock', effect: 'lock' }] : [];
      return [...lock, { ...step, action: 'delete', effect: 'delete' }];
    }
    case 'active':
      return activeSteps(entry, account, wanted.entitlement);
    default:
      return wanted satisfies never;
  }
}

function activeSteps(entry: LedgerEntry, account: LinuxAccount, entitlement: Entitlement): LinuxStep[] {
  const { name } = account;
  if (account.state === 'deleted') return createSteps(entry, name, entitlement, undefined);
  if (account.state === 'partial') return createSteps(entry, name, entitlement, account);
  const step = { target: 'linux', oid: entry.oid, name } as const;
  const steps: LinuxStep[] = accessSteps(entry, name, entitlement, account.groups, account.sudo);
  if (account.gecos !== gecosOf(entry.displayName)) {
    steps.push({ ...step, action: 'create', effect: 'touch', gecos: gecosOf(entry.displayName) });
  }
  // After the revocations and before the grants: nothing that was taken away comes back with it, and a locked account
  // is given nothing.
  const removals = steps.filter((item) => item.effect === 'revoke');
  return [...removals, ...unlockSteps(step, account), ...steps.filter((item) => item.effect !== 'revoke')];
}

/** `remains`: what a creation that broke off left behind. */
function createSteps(
  entry: LedgerEntry,
  name: string,
  entitlement: Entitlement,
  remains: LinuxAccount | undefined,
): LinuxStep[] {
  const step = { target: 'linux', oid: entry.oid, name } as const;
  const create: LinuxStep = { ...step, action: 'create', effect: 'create', gecos: gecosOf(entry.displayName) };
  const access = accessSteps(entry, name, entitlement, remains?.groups ?? [], remains?.sudo ?? false, 'after creation');
  return [create, ...(remains ? unlockSteps(step, remains) : []), ...access];
}

/** Also a lock that was only half done shuts its owner out, and must be undone. */
function unlockSteps(
  step: { target: 'linux'; oid: string; name: string },
  { locked, halfLocked }: LinuxAccount,
): LinuxStep[] {
  return locked || halfLocked ? [{ ...step, action: 'unlock', effect: 'grant' }] : [];
}

function accessSteps(
  entry: LedgerEntry,
  name: string,
  entitlement: Entitlement,
  groups: readonly string[],
  sudo: boolean,
  // Whatever a half-made account holds is settled once it is whole, so nothing may be ordered before the creation.
  moment: 'any time' | 'after creation' = 'any time',
): LinuxStep[] {
  const step = { target: 'linux', oid: entry.oid, name } as const;
  const steps: LinuxStep[] = [];
  if (sudo !== entitlement.sudo) {
    const effect = entitlement.sudo || moment === 'after creation' ? 'grant' : 'revoke';
    steps.push({ ...step, action: 'sudo', effect, granted: entitlement.sudo });
  }
  const wanted = entitlement.linuxGroups;
  const kept = moment === 'any time' ? groups.filter((group) => wanted.includes(group)) : groups;
  if (kept.length < groups.length) {
    steps.push({ ...step, action: 'groups', effect: 'revoke', groups: kept, before: groups });
  }
  if (kept.join(' ') !== wanted.join(' ')) {
    steps.push({ ...step, action: 'groups', effect: 'grant', groups: wanted, before: kept });
  }
  return steps;
}
