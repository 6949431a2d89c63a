import type { SubscriptionRecord } from '../simulators/entra/subscription-store.js';
import { alterBehind, removeBehind, rivalTakes, rivalTires } from './behind-our-back.js';
import type { CallKind } from './calls.js';
import type { Happening, HappeningKind } from './happenings.js';
import { HOUR_MS, MINUTE_MS, NOTIFICATIONS_URL } from './settings.js';
import type { Hindrance } from './weather.js';
import type { World } from './world.js';

/** One happening in its world. */
interface Scene extends Happening {
  world: World;
  /** Our subscriptions as Graph has them, and one of them. */
  ours: readonly SubscriptionRecord[];
  one: SubscriptionRecord | undefined;
  /** Does the work when the happening is over. */
  atEnd(work: () => void): void;
  /** Hinders for as long as the happening lasts. */
  hinder(what: Hindrance): void;
}

const LEAST_GROUPS = 2;
const WRITES: readonly CallKind[] = ['create', 'renew', 'delete', 'reauthorize'];

/** Lets it happen. What lasts goes on by itself in virtual time. */
export function perform(world: World, happening: Happening): void {
  const { graph, weather } = world;
  const ours = graph.subscriptions.list().filter(({ notificationUrl }) => notificationUrl === NOTIFICATIONS_URL);
  const atEnd = (work: () => void) => after(world, happening.ms, work);
  const scene: Scene = {
    ...happening,
    world,
    ours,
    one: ours[happening.choice % Math.max(1, ours.length)],
    atEnd,
    hinder: (what) => atEnd(weather.begin(what)),
  };
  PERFORM[happening.kind](scene);
}

const PERFORM: { readonly [K in HappeningKind]: (scene: Scene) => void } = {
  change: ({ world, choice }) => world.people.change(choice),
  reauthorize({ world, one, ms }) {
    if (one) world.graph.notifier.requireReauthorization(one.id, ms, 0.6);
  },
  'reauthorize-all'({ world, ours, ms }) {
    for (const { id } of ours) world.graph.notifier.requireReauthorization(id, ms, 0.6);
  },
  // Graph never says this, nor what comes next, of users and groups, and it must do no harm.
  removed({ world, one }) {
    if (!one) return;
    world.graph.notifier.sendLifecycle(one.id, 'subscriptionRemoved');
    removeBehind(world, one);
  },
  missed({ world, one }) {
    if (one) world.graph.notifier.sendLifecycle(one.id, 'missed');
  },
  'graph-down': (scene) => downWith(scene, 'unavailable'),
  'graph-unreachable': (scene) => downWith(scene, 'unreachable'),
  'graph-slow'({ world: { wire, time }, hinder, atEnd, choice }) {
    hinder('graph slow');
    wire.delayMs = () => 200 + ((time.now() * 7919 + choice) % 20_000);
    atEnd(() => {
      wire.delayMs = () => 0;
    });
  },
  'token-down': ({ hinder }) => hinder('token endpoint down'),
  restart: ({ world, ms }) => world.down(ms, 'stop'),
  crash: ({ world, ms }) => world.down(ms, 'kill'),
  'long-down': ({ world, ms }) => world.down(ms, 'kill'),
  'crash-soon'({ world, ms, choice }) {
    let left = 1 + (choice % 40);
    world.dieAt(() => {
      left -= 1;
      return left === 0;
    }, ms);
  },
  // Graph has made it, and nobody has written that down.
  'crash-in-create'({ world, one, ms }) {
    world.dieAt(({ what, when }) => when === 'after' && what === 'POST /v1.0/subscriptions 201', ms);
    if (one) removeBehind(world, one);
  },
  'endpoint-unreachable': ({ hinder }) => hinder('our endpoint unreachable'),
  'endpoint-slow'({ world: { endpoint }, atEnd, choice }) {
    endpoint.delayMs = 3500 + (choice % 8000);
    atEnd(() => {
      endpoint.delayMs = 0;
    });
  },
  'delete-behind'({ world, one }) {
    if (one) removeBehind(world, one);
  },
  'alter-behind'({ world, one, choice }) {
    if (one) alterBehind(world, one, choice);
  },
  'ignore-renewals': ({ world, choice }) => world.graph.faults.ignoreRenewals(1 + (choice % 3)),
  'hide-from-list'({ world: { graph }, ours, hinder, atEnd, choice }) {
    hinder('list wrong');
    graph.faults.hideFromList(ours.filter((_, at) => (choice >> at) % 2 === 0).map(({ id }) => id));
    atEnd(() => graph.faults.hideFromList([]));
  },
  'list-fails'({ world: { graph }, hinder, atEnd, choice }) {
    hinder('list wrong');
    const status = [500, 400, 403][choice % 3] ?? 500;
    const fault = graph.faults.failNext('GET /subscriptions', status, Number.POSITIVE_INFINITY);
    atEnd(() => fault.clear());
  },
  'lose-answer'({ world, one, choice }) {
    world.wire.losesAnswer = ({ kind }) => {
      if (!WRITES.includes(kind)) return false;
      world.wire.losesAnswer = () => false;
      world.weather.disturb();
      return true;
    };
    if (one && choice % 2 === 0) removeBehind(world, one);
  },
  quota({ world, hinder, ms }) {
    hinder('quota full');
    world.asOther((store) => store.fill(ms));
  },
  rival({ world, one, ms, hinder, atEnd }) {
    if (!one) return;
    const { resource } = one;
    hinder('rival');
    const until = world.time.now() + ms;
    const take = (): void => {
      rivalTakes(world, resource);
      if (world.time.now() + HOUR_MS < until) after(world, HOUR_MS, take);
    };
    take();
    atEnd(() => rivalTires(world, resource));
  },
  'clock-jump'({ world, choice }) {
    world.weather.disturb();
    world.setSkew(((choice % 601) - 300) * 1000);
  },
  'want-more'({ world: { wanted, people, weather }, choice }) {
    const out = people.groups.filter((id) => !wanted.groups.includes(id));
    const more = out[choice % Math.max(1, out.length)];
    if (more) wanted.groups = [...wanted.groups, more];
    weather.disturb();
  },
  'want-less'({ world: { wanted, weather }, choice }) {
    const less = wanted.groups[choice % wanted.groups.length];
    if (wanted.groups.length > LEAST_GROUPS) wanted.groups = wanted.groups.filter((id) => id !== less);
    weather.disturb();
  },
  'lose-notifications': ({ world, choice }) => world.graph.delivery.faults.loseNext(1 + (choice % 5)),
  'duplicate-notifications': ({ world, choice }) => world.graph.delivery.faults.duplicateNext(1 + (choice % 5)),
  disorder({ world: { graph }, choice, atEnd }) {
    graph.delivery.faults.reorder(true);
    graph.delivery.faults.batch(1 + (choice % 10));
    atEnd(() => {
      graph.delivery.faults.reorder(false);
      graph.delivery.faults.batch(1);
    });
  },
  'late-notifications'({ world: { graph }, choice, atEnd }) {
    graph.delivery.faults.latency(10 * MINUTE_MS + (choice % HOUR_MS));
    atEnd(() => graph.delivery.faults.latency(0));
  },
};

/** Two outages may overlap: Graph is back when the last one ends. */
function downWith({ world: { wire, weather }, hinder, atEnd }: Scene, how: World['wire']['graph']): void {
  hinder('graph down');
  wire.graph = how;
  atEnd(() => {
    if (!weather.is('graph down')) wire.graph = 'up';
  });
}

function after({ time }: World, ms: number, work: () => void): void {
  time
    .clockOf(() => true)
    .sleep(ms)
    .then(work, () => undefined);
}
