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
  const open = !account.locked || account.sudo;
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
  // Unlocked last among the revocations and first among the grants: nothing that was taken away comes back with it.
  const removals = steps.filter((item) => item.effect === 'revoke');
  const unlock: LinuxStep[] = account.locked ? [{ ...step, action: 'unlock', effect: 'grant' }] : [];
  return [...removals, ...unlock, ...steps.filter((item) => item.effect !== 'revoke')];
}

/** `remains`: what a creation that broke off left behind. */
function createSteps(
  entry: LedgerEntry,
  name: string,
  entitlement: Entitlement,
  remains: LinuxAccount | undefined,
): LinuxStep[] {
  const step = { target: 'linux', oid: entry.oid, name } as const;
  const unlock: LinuxStep[] = remains?.locked ? [{ ...step, action: 'unlock', effect: 'grant' }] : [];
  const create: LinuxStep = { ...step, action: 'create', effect: 'create', gecos: gecosOf(entry.displayName) };
  const access = accessSteps(entry, name, entitlement, remains?.groups ?? [], remains?.sudo ?? false, 'after creation');
  return [create, ...unlock, ...access];
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
  if (groups.join(' ') !== entitlement.linuxGroups.join(' ')) {
    const revokes = groups.some((group) => !entitlement.linuxGroups.includes(group));
    const effect = revokes && moment === 'any time' ? 'revoke' : 'grant';
    steps.push({ ...step, action: 'groups', effect, groups: entitlement.linuxGroups, before: groups });
  }
  return steps;
}
