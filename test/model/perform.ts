import type { Action } from './actions.js';
import { faultAgent, faultGraph, faultProxmox, heal } from './disturb.js';
import { pass, untilAtRest } from './drive.js';
import { disturbDelivery, forge } from './notify.js';
import { adopt, decide, resync } from './operate.js';
import { change, hire, leave, nest, personOf } from './people.js';
import { comeToRest } from './rest-world.js';
import { tamper } from './tamper.js';
import type { World } from './world.js';

/** Does one action and lets the world come to a stop. What means nothing in this world is not done. */
export async function perform(world: World, action: Action): Promise<void> {
  switch (action.kind) {
    case 'join':
    case 'leave':
    case 'disable':
    case 'enable':
    case 'soft-delete':
    case 'restore':
    case 'hard-delete':
    case 'redescribe':
    case 'rename':
      change(world, action);
      return settle(world);
    case 'hire':
      hire(world, action);
      return settle(world);
    case 'nest':
      nest(world);
      return settle(world);
    case 'mass-leave':
      for (const person of world.truth.people.values()) leave(world, person, action.group);
      return settle(world);
    case 'delivery':
      return disturbDelivery(world, action);
    case 'forge':
      await forge(world, action);
      return settle(world);
    case 'hint':
      await world.put(`user:${personOf(world, action.person).oid}`);
      return settle(world);
    case 'time':
      return pass(world, action.ms);
    case 'sweep':
      await world.put('sweep');
      return settle(world);
    case 'sweep-meanwhile': {
      const { what, person } = action;
      const group = 'everybody';
      world.meanwhile(action.crossings, () =>
        change(world, what === 'leave' || what === 'join' ? { kind: what, person, group } : { kind: what, person }),
      );
      await world.put('sweep');
      return settle(world);
    }
    case 'resync':
      await resync(world, personOf(world, action.person));
      return settle(world);
    case 'approve':
    case 'reject':
      await decide(world, action.kind);
      return;
    case 'adopt':
      return adopt(world, personOf(world, action.person));
    case 'graph-fault':
      faultGraph(world, action, personOf(world, action.person).oid);
      // What concerns one person alone is seen at once.
      if (action.how === 'stale' || action.how === 'limited')
        await world.put(`user:${personOf(world, action.person).oid}`);
      return settle(world);
    case 'proxmox-fault':
      return faultProxmox(world, action);
    case 'agent-fault':
      return faultAgent(world, action);
    case 'foreign-user':
    case 'ghost':
    case 'reopen-user':
    case 'close-user':
    case 'reopen-account':
      return tamper(world, action);
    case 'heal':
      heal(world);
      return settle(world);
    case 'crash':
      world.hindered = true;
      world.dieAfter(action.crossings);
      await world.put('sweep');
      return settle(world);
    case 'restart':
      await world.restart();
      return settle(world);
    case 'rest':
      return comeToRest(world);
    default:
      return action satisfies never;
  }
}

function settle(world: World): Promise<void> {
  return untilAtRest(world).then(() => undefined);
}
