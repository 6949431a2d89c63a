import type { ActionOf } from './actions.js';
import { CONFIGURED } from './settings.js';
import type { World } from './world.js';

/** Calls by themselves and items inside a batch alike. */
const ANY_READ = /^\w+ \/(\$batch|groups|users|directory)/;

/** Makes Entra unwell, for so many calls. */
export function faultGraph(world: World, { how, times }: ActionOf<'graph-fault'>, oid: string): undefined {
  const { faults, credentials } = world.entra;
  world.hindered = true;
  const group = world.groupIds[CONFIGURED[times % CONFIGURED.length] ?? 'everybody'];
  const listing = new RegExp(`^GET /groups/${group}/transitiveMembers`);
  switch (how) {
    case 'throttled':
      faults.throttle(ANY_READ, 2, times);
      return;
    case 'unavailable':
      faults.failNext(ANY_READ, 503, times);
      return;
    case 'cut':
      if (times % 2 === 0) faults.dropConnection(ANY_READ, times);
      else faults.garbage(ANY_READ, times);
      return;
    case 'no-token':
      credentials.revokeTokens();
      faults.tokenEndpointDown(times);
      return;
    case 'revoked':
      credentials.revokeTokens({ challenge: times % 2 === 0 });
      return;
    case 'stale':
      faults.freezeReads(oid, times);
      return;
    case 'limited':
      faults.limitInformation(times % 3 === 0 ? 'all' : [oid], times % 4 === 0 ? undefined : ['accountEnabled']);
      return;
    case 'emptied':
      faults.emptyGroup(group, Math.min(times, 2));
      return;
    case 'short-listing':
      faults.answerWith(listing, { status: 200, body: { '@odata.count': 5, value: [] } }, times);
      return;
    case 'refused-listing':
      faults.failNext(listing, 403, times);
      return;
    default:
      return how satisfies never;
  }
}

const WRITES = { path: /^\/access\/users/ };

/** Makes Proxmox unwell. */
export async function faultProxmox(world: World, { how, times }: ActionOf<'proxmox-fault'>): Promise<void> {
  const { faults } = world.proxmox;
  world.hindered = true;
  const method = times % 2 === 0 ? 'PUT' : 'POST';
  switch (how) {
    case 'broken-write':
      return faults.failNext({ ...WRITES, method }, { status: 500, text: 'update user failed: broken' }, times);
    case 'broken-read':
      return faults.failNext({ method: 'GET' }, { status: times % 2 === 0 ? 500 : 596, text: 'no answer' }, times);
    case 'no-lock':
      world.releaseLock ??= await faults.holdLock();
      return;
    case 'no-quorum':
      return faults.loseQuorum(true);
    case 'full': {
      const text = "update user failed: unable to write '/etc/pve/user.cfg.tmp.4711' - File too large";
      return faults.failNext({ ...WRITES, method }, { status: 500, text }, times);
    }
    case 'empty-listing':
      return faults.emptyList({ method: 'GET', path: times % 2 === 0 ? '/access/users' : '/access/groups' }, times);
    case 'reset-before':
      return faults.dropNext(times % 2 === 0 ? {} : { method }, times, 'before');
    case 'reset-after':
      return faults.dropNext({ method }, times, 'after');
    default:
      return how satisfies never;
  }
}

/** Makes the account agent unwell for its next writes. */
export function faultAgent(world: World, { how, times }: ActionOf<'agent-fault'>): void {
  world.hindered = true;
  world.host.faults.next.push(...Array.from({ length: times }, () => how));
}

/** Ends every fault; what is already done stays done. */
export function heal(world: World): void {
  world.entra.faults.clear();
  world.entra.notifications.on();
  world.proxmox.faults.clear();
  world.releaseLock?.();
  world.releaseLock = undefined;
  world.host.faults.next = [];
  world.dieAfter(undefined);
  world.hindered = false;
}
