import { randomBytes, randomUUID } from 'node:crypto';
import { createAccessTokens } from './access-tokens.js';
import { appAssignmentRoutes } from './app-assignments.js';
import { applicationRoutes } from './applications.js';
import { type App, registerCertificate } from './apps.js';
import { createCalls } from './calls.js';
import { createClock } from './clock.js';
import { createControl } from './control.js';
import { deliveriesOf } from './deliveries.js';
import { createDelivery } from './delivery.js';
import { deltaRoutes } from './delta.js';
import { directoryRoutes } from './directory-endpoints.js';
import { type Change, createDirectoryState } from './directory-state.js';
import { createDispatcher } from './dispatch.js';
import { GraphFailure } from './errors.js';
import { createCallFaults } from './faults.js';
import { createFrontDoor } from './front-door.js';
import { shakeHands } from './handshake.js';
import { createMembership } from './membership.js';
import { createNotifier } from './notifier.js';
import { createView } from './read-faults.js';
import { startTlsServer } from './server.js';
import type { EntraSimulator, EntraSimulatorOptions } from './simulator.js';
import { subscriptionRoutes } from './subscription-endpoints.js';
import { createSubscriptionStore } from './subscription-store.js';
import { createTransport } from './transport.js';

export type { Deliveries } from './deliveries.js';
export type { DeliveryRecord } from './delivery.js';
export type * from './simulator.js';
export type { Exchange } from './types.js';

const DEFAULT_ROLES = ['GroupMember.Read.All', 'User.Read.All'];

/** Starts Entra ID and Microsoft Graph on one TLS port of 127.0.0.1. */
export async function startEntraSimulator(options: EntraSimulatorOptions): Promise<EntraSimulator> {
  const tenantId = (options.tenantId ?? randomUUID()).toLowerCase();
  const clock = createClock(options.timeScale ?? 1, options.now);
  const apps = new Map<string, App>();
  const main = addApp(apps, options.roles ?? DEFAULT_ROLES, options.clientId, options.clientSecret);
  let origin = '';
  const baseUrl = () => `${origin}/v1.0`;
  const audiences = () => [origin, 'https://graph.microsoft.com'];
  const tokenLifetimeSeconds = options.tokenLifetimeSeconds ?? 3599;

  const listeners: ((change: Change) => void)[] = [];
  const state = createDirectoryState((change) => {
    for (const listener of listeners) listener(change);
  });
  const membership = createMembership(state);
  const { view, readFaults } = createView(state, membership);
  const store = createSubscriptionStore(clock);
  const transport = createTransport([options.authority.cert]);
  const timeouts = { handshakeMs: 10_000, firstMs: 3_000, retryMs: 10_000, ...options.timeouts };
  const delivery = createDelivery({
    clock,
    transport,
    timeouts,
    eventHub: options.eventHub,
    minimumSamples: options.minimumHealthSamples ?? 100,
  });
  const notifier = createNotifier({ tenantId, clock, store, delivery });
  listeners.push(notifier.onChange);

  async function validate(url: string): Promise<void> {
    if (!url.startsWith('EventHub:')) return shakeHands(url, transport, timeouts.handshakeMs);
    if (!options.eventHub) throw new GraphFailure(400, 'InvalidRequest', 'The event hub cannot be reached.');
    options.eventHub(url, JSON.stringify({ value: [eventHubProbe()] }));
  }

  const subscriptions = subscriptionRoutes({
    clock,
    store,
    state,
    baseUrl,
    pageSize: options.subscriptionPageSize ?? 50,
    strictGroupRole: options.strictGroupRole ?? false,
    creatorOf: (appId) => apps.get(appId)?.objectId ?? appId,
    validate,
    touched: notifier.touched,
    deleted: notifier.deleted,
  });
  const assignments = appAssignmentRoutes({ apps, main, state, clock, baseUrl });
  const applications = applicationRoutes({ clock, state, baseUrl });
  const delta = deltaRoutes({ clock, state, baseUrl, pageSize: options.deltaPageSize ?? 200 });
  const { calls, record } = createCalls();
  const { faults, strike } = createCallFaults();
  const tokens = createAccessTokens({ tenantId, clock, apps, audiences, lifetimeSeconds: tokenLifetimeSeconds });
  const dispatcher = createDispatcher({
    // Static paths before those with an id: `/users/delta` is not the user named delta.
    routes: [
      ...delta.routes,
      ...subscriptions.routes,
      ...directoryRoutes({ state, view, baseUrl }),
      ...applications.routes,
      ...assignments.routes,
    ],
    strike,
    record,
    onExchange: options.onExchange,
  });
  const login = {
    tenantId,
    loginUrl: () => origin,
    clock,
    apps,
    tokens,
    // Tokens for Event Hubs are given out, and are of no use at Graph.
    audiences: () => [...audiences(), 'https://eventhubs.azure.net/'],
    lifetimeSeconds: tokenLifetimeSeconds,
  };
  const server = await startTlsServer(
    options.authority,
    options.port ?? 0,
    createFrontDoor({ dispatcher, strike, record, tokens, login }),
  );
  origin = `https://localhost:${server.port}`;

  return {
    graphUrl: baseUrl(),
    loginUrl: origin,
    tenantId,
    clientId: main.clientId,
    clientSecret: main.secret.value,
    directory: createControl(state, clock),
    faults: {
      ...faults,
      ...readFaults,
      ...subscriptions.faults,
      ...delta.faults,
      clear() {
        faults.clear();
        readFaults.clear();
        subscriptions.faults.ignoreRenewals(0);
        subscriptions.faults.hideFromList([]);
        subscriptions.faults.loseCreated(0);
        delta.faults.expireTokens('gone', 0);
        delivery.faults.clear();
        notifier.lateItemsAfterDelete(0);
      },
    },
    notifications: {
      send: notifier.send,
      sendFlicker: notifier.sendFlicker,
      sendLifecycle: notifier.sendLifecycle,
      requireReauthorization: notifier.requireReauthorization,
      lateItemsAfterDelete: notifier.lateItemsAfterDelete,
      off: () => delivery.faults.enabled(false),
      on: () => delivery.faults.enabled(true),
      loseNext: (items) => delivery.faults.loseNext(items),
      silently(change) {
        delivery.faults.enabled(false);
        try {
          return change();
        } finally {
          delivery.faults.enabled(true);
        }
      },
    },
    deliveries: deliveriesOf(delivery),
    calls,
    credentials: {
      issueToken: (how) => tokens.issue(main, origin, how),
      expireSecret() {
        main.secret.state = 'expired';
      },
      rotateSecret() {
        main.secret = { value: newSecret(), state: 'valid' };
        return main.secret.value;
      },
      registerCertificate: (pem) => registerCertificate(main, pem),
      setRoles(roles) {
        main.roles = [...roles];
      },
      revokeTokens: (how) => tokens.revokeIssued(how),
      registerApp(roles = DEFAULT_ROLES) {
        const app = addApp(apps, roles);
        return { clientId: app.clientId, clientSecret: app.secret.value };
      },
    },
    applications: applications.control,
    assignments: assignments.control,
    subscriptions: () => store.list(),
    endSubscription: (id) => {
      store.delete(id);
    },
    advance: (ms) => clock.advance(ms),
    async close() {
      notifier.close();
      await Promise.all([server.close(), delivery.close()]);
    },
  };
}

function addApp(apps: Map<string, App>, roles: readonly string[], clientId?: string, secret?: string): App {
  const app: App = {
    clientId: (clientId ?? randomUUID()).toLowerCase(),
    objectId: randomUUID(),
    secret: { value: secret ?? newSecret(), state: 'valid' },
    certificates: new Map(),
    roles: [...roles],
  };
  apps.set(app.clientId, app);
  return app;
}

function newSecret(): string {
  return `sim~${randomBytes(24).toString('base64url')}`;
}

function eventHubProbe(): unknown {
  return {
    subscriptionId: 'NA',
    clientState: 'NA',
    resource: 'NA',
    changeType: `Validation: Testing client application reachability for subscription Request-Id: ${randomUUID()}`,
  };
}
