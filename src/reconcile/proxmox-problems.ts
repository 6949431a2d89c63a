import { messageOf } from '../domain/errors.js';
import type { Context } from './context.js';
import { missingGroupKey } from './prepare.js';

const REALM_KEY = 'proxmox-realm';

/**
 * Looks whether set-up made in Proxmox what everybody needs there, and notes in `ctx.problems` what is missing. Gives
 * back what provably is: a sweep that met it did not do all that it should.
 */
export async function noteProxmoxProblems(ctx: Context, signal: AbortSignal): Promise<string[]> {
  const { proxmox } = ctx.targets;
  if (!proxmox) return [];
  try {
    const [groups, realm] = [await proxmox.missingGroups(signal), await proxmox.missingRealm(signal)];
    ctx.problems.delete('proxmox');
    for (const key of [...ctx.problems.keys()]) if (key.startsWith(missingGroupKey(''))) ctx.problems.delete(key);
    ctx.problems.delete(REALM_KEY);
    if (realm) {
      ctx.problems.set(REALM_KEY, `${realm.saw}: ${realm.mend}`);
      ctx.log('reconcile.proxmox.realm.missing', { ...realm });
    }
    for (const group of groups) {
      const remedy = `pveum group add ${group}, and give it its role with pveum acl modify`;
      ctx.problems.set(missingGroupKey(group), `the Proxmox group ${group} does not exist: ${remedy}`);
      ctx.log('reconcile.proxmox.group.missing', { group, remedy });
    }
    return [REALM_KEY, ...groups.map(missingGroupKey)].flatMap((key) => ctx.problems.get(key) ?? []);
  } catch (error) {
    signal.throwIfAborted();
    ctx.problems.set('proxmox', messageOf(error));
    return [];
  }
}
