import { createHash } from 'node:crypto';
import { createAccessTokens } from '../simulators/entra/access-tokens.js';
import type { App } from '../simulators/entra/apps.js';
import { createCalls } from '../simulators/entra/calls.js';
import type { SimulatorClock } from '../simulators/entra/clock.js';
import { createControl, type DirectoryControl } from '../simulators/entra/control.js';
import { createDelivery, type Delivery } from '../simulators/entra/delivery.js';
import { deltaRoutes } from '../simulators/entra/delta.js';
import { directoryRoutes } from '../simulators/entra/directory-endpoints.js';
import { type Change, createDirectoryState } from '../simulators/entra/directory-state.js';
import { createDispatcher } from '../simulators/entra/dispatch.js';
import { type CallFaults, createCallFaults } from '../simulators/entra/faults.js';
import { createFrontDoor } from '../simulators/entra/front-door.js';
import { shakeHands } from '../simulators/entra/handshake.js';
import { createMembership } from '../simulators/entra/membership.js';
import { createNotifier, type Notifier } from '../simulators/entra/notifier.js';
import { createView } from '../simulators/entra/read-faults.js';
import type { RawRequest } from '../simulators/entra/server.js';
import { type SubscriptionFaults, subscriptionRoutes } from '../simulators/entra/subscription-endpoints.js';
import {
  createSubscriptionStore,
  type SubscriptionRecord,
  type SubscriptionStore,
} from '../simulators/entra/subscription-store.js';
import type { Transport } from '../simulators/entra/transport.js';
import type { Answer } from '../simulators/entra/types.js';

/** The simulator's Graph without a network: the same parts on a virtual clock and a virtual wire. */
export interface VirtualGraph {
  tenantId: string;
  appId: string;
  directory: DirectoryControl;
  subscriptions: SubscriptionStore;
  notifier: Notifier;
  delivery: Delivery;
  faults: CallFaults & SubscriptionFaults;
  answer(request: RawRequest): Promise<Answer>;
  /** An access token and when it ends. */
  issueToken(): { token: string; expiresAt: number };
}

export interface VirtualGraphOptions {
  seed: number;
  clock: SimulatorClock;
  /** How Graph reaches our endpoint. */
  transport: Transport;
  onChange(change: Change): void;
  /** A subscription of whatever app came or went; expiry is not told. */
  onStored(record: SubscriptionRecord): void;
  onDeleted(record: SubscriptionRecord): void;
}

const ORIGIN = 'https://graph.microsoft.com';
const BASE_URL = `${ORIGIN}/v1.0`;
const TOKEN_LIFETIME_S = 3599;
/** Fewer than Graph's hundred, so that a listing has pages. */
const PAGE_SIZE = 20;

export function createVirtualGraph(options: VirtualGraphOptions): VirtualGraph {
  const { seed, clock, transport } = options;
  const ids = createIds(seed);
  const tenantId = ids.next();
  const app: App = {
    clientId: ids.next(),
    objectId: ids.next(),
    secret: { value: 'unused', state: 'valid' },
    certificates: new Map(),
    roles: ['GroupMember.Read.All', 'User.Read.All'],
  };
  const apps = new Map([[app.clientId, app]]);
  const baseUrl = () => BASE_URL;
  const listeners: ((change: Change) => void)[] = [options.onChange];
  const state = createDirectoryState((change) => {
    for (const listener of listeners) listener(change);
  });
  const { view } = createView(state, createMembership(state));
  const store = withOwnIds(createSubscriptionStore(clock), ids, options);
  const delivery = createDelivery({
    clock,
    transport,
    timeouts: { firstMs: 3_000, retryMs: 10_000 },
    eventHub: undefined,
    minimumSamples: 100,
  });
  const notifier = createNotifier({ tenantId, clock, store, delivery });
  listeners.push(notifier.onChange);
  const subscriptions = subscriptionRoutes({
    clock,
    store,
    state,
    baseUrl,
    pageSize: PAGE_SIZE,
    strictGroupRole: false,
    creatorOf: () => app.objectId,
    validate: (url) => shakeHands(url, transport, 10_000),
    touched: notifier.touched,
    deleted: notifier.deleted,
  });
  const audiences = () => [ORIGIN];
  const tokens = createAccessTokens({ tenantId, clock, apps, audiences, lifetimeSeconds: TOKEN_LIFETIME_S });
  const { faults, strike } = createCallFaults();
  const { record } = createCalls();
  const dispatcher = createDispatcher({
    routes: [
      ...deltaRoutes({ clock, state, baseUrl, pageSize: 200 }).routes,
      ...subscriptions.routes,
      ...directoryRoutes({ state, view, baseUrl }),
    ],
    strike,
    record,
    onExchange: undefined,
  });
  const login = {
    tenantId,
    loginUrl: () => ORIGIN,
    clock,
    apps,
    tokens,
    audiences,
    lifetimeSeconds: TOKEN_LIFETIME_S,
  };
  const control = createControl(state, clock);
  return {
    tenantId,
    appId: app.clientId,
    directory: {
      ...control,
      addUser: (user) => control.addUser({ id: ids.next(), ...user }),
      addGroup: (group) => control.addGroup({ id: ids.next(), ...group }),
    },
    subscriptions: store,
    notifier,
    delivery,
    faults: { ...faults, ...subscriptions.faults },
    answer: createFrontDoor({ dispatcher, strike, record, tokens, login }),
    issueToken: () => ({
      token: tokens.issue(app, ORIGIN),
      expiresAt: clock.now() + TOKEN_LIFETIME_S * 1000,
    }),
  };
}

/** Ids that are the same for the same seed, since the product spreads its work by them. */
function createIds(seed: number): { next(): string } {
  let count = 0;
  return {
    next() {
      count += 1;
      const hex = createHash('sha256').update(`${seed} ${count}`).digest('hex');
      return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
    },
  };
}

function withOwnIds(
  store: SubscriptionStore,
  ids: { next(): string },
  { onStored, onDeleted }: Pick<VirtualGraphOptions, 'onStored' | 'onDeleted'>,
): SubscriptionStore {
  return {
    ...store,
    put(record) {
      record.id = ids.next();
      store.put(record);
      onStored(record);
    },
    delete(id) {
      const deleted = store.delete(id);
      if (deleted) onDeleted(deleted);
      return deleted;
    },
  };
}
