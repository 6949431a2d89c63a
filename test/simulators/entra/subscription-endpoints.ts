import type { SimulatorClock } from './clock.js';
import { type DirectoryState, newId } from './directory-state.js';
import { GraphFailure, unsupportedQuery } from './errors.js';
import { afterOf, nextLink } from './paging.js';
import { maySubscribe } from './roles.js';
import { checkExpiry, readCreate, readUpdate } from './subscription-input.js';
import type { SubscriptionRecord, SubscriptionStore } from './subscription-store.js';
import type { Answer, Incoming, Route } from './types.js';

const QUOTA = 100;

/** What can go wrong with subscriptions at a test's wish. */
export interface SubscriptionFaults {
  /** The next renewals answer 200 and change nothing. */
  ignoreRenewals(times: number): void;
  /** The next listings leave these out. */
  hideFromList(ids: readonly string[]): void;
  /** The next creations are made, and the connection breaks before their answer. */
  loseCreated(times: number): void;
}

export interface SubscriptionEndpointOptions {
  clock: SimulatorClock;
  store: SubscriptionStore;
  state: DirectoryState;
  baseUrl: () => string;
  pageSize: number;
  /** Group subscriptions need Group.Read.All, as documented; otherwise GroupMember.Read.All is enough, as reported. */
  strictGroupRole: boolean;
  creatorOf(appId: string): string;
  /** Throws the 400 of a failed handshake. */
  validate(url: string): Promise<void>;
  /** A subscription was renewed or reauthorized. */
  touched(record: SubscriptionRecord): void;
  /** A subscription was deleted by its owner. */
  deleted(record: SubscriptionRecord): void;
}

/** Create, read, list, renew, reauthorize and delete. */
export function subscriptionRoutes(options: SubscriptionEndpointOptions): {
  routes: Route[];
  faults: SubscriptionFaults;
} {
  const { clock, store } = options;
  let ignored = 0;
  let hidden: ReadonlySet<string> = new Set();
  let lost = 0;

  function own(incoming: Incoming, id: string): SubscriptionRecord {
    const record = store.get(id);
    if (record?.appId !== incoming.caller.appId)
      throw new GraphFailure(404, 'ResourceNotFound', 'The object was not found.');
    return record;
  }

  function refuseExcess(record: SubscriptionRecord): void {
    const same = store.same(record.appId, record.changeType, record.watched);
    if (same)
      throw new GraphFailure(
        409,
        'ObjectIdentifierInUse',
        `Subscription Id ${same.id} already exists for the requested combination`,
      );
    const mine = store.list().filter((other) => other.appId === record.appId).length;
    if (mine >= QUOTA)
      throw new GraphFailure(
        403,
        'Forbidden',
        `The limit of ${QUOTA} subscriptions per application and tenant has been reached.`,
      );
  }

  async function create(incoming: Incoming): Promise<Answer> {
    const now = clock.now();
    const input = readCreate(incoming.body, now);
    const { collection, id } = input.watched;
    if (!maySubscribe(incoming.caller, collection, options.strictGroupRole))
      throw new GraphFailure(403, 'ExtensionError', 'Operation: Create; Exception: [Status Code: Forbidden; Reason: ]');
    if (id && options.state.objects.get(id)?.kind !== (collection === 'users' ? 'user' : 'group'))
      throw new GraphFailure(
        404,
        'ExtensionError',
        'Operation: Create; Exception: [Status Code: NotFound; Reason: Not Found]',
      );
    const record: SubscriptionRecord = {
      ...input,
      id: newId(),
      appId: incoming.caller.appId,
      creatorId: options.creatorOf(incoming.caller.appId),
      touchedAt: now,
    };
    refuseExcess(record);
    await options.validate(record.notificationUrl);
    if (record.lifecycleNotificationUrl) await options.validate(record.lifecycleNotificationUrl);
    // Another creation may have ended while the endpoint answered.
    refuseExcess(record);
    store.put(record);
    if (lost > 0) {
      lost -= 1;
      return { status: 0, drop: true };
    }
    return { status: 201, body: shown(record, options.baseUrl(), record.clientState ?? null) };
  }

  async function update(incoming: Incoming, id: string): Promise<Answer> {
    const record = own(incoming, id);
    const change = readUpdate(incoming.body);
    const expiresAt = change.expiresAt === undefined ? undefined : checkExpiry(change.expiresAt, clock.now());
    if (change.notificationUrl) await options.validate(change.notificationUrl);
    if (ignored > 0) ignored -= 1;
    else {
      record.expiresAt = expiresAt ?? record.expiresAt;
      record.notificationUrl = change.notificationUrl ?? record.notificationUrl;
      record.touchedAt = clock.now();
      options.touched(record);
    }
    return { status: 200, body: shown(record, options.baseUrl(), null) };
  }

  function list(incoming: Incoming): Answer {
    for (const name of incoming.query.keys())
      if (name.startsWith('$') && name !== '$skiptoken')
        throw unsupportedQuery(`The query option '${name}' is not supported for subscriptions.`);
    const token = incoming.query.get('$skiptoken');
    const after = token === null ? '' : afterOf(token);
    const mine = store
      .list()
      .filter((record) => record.appId === incoming.caller.appId && record.id > after && !hidden.has(record.id))
      .sort((left, right) => (left.id < right.id ? -1 : 1));
    const page = mine.slice(0, options.pageSize);
    const last = page.at(-1);
    return {
      status: 200,
      body: {
        '@odata.context': `${options.baseUrl()}/$metadata#subscriptions`,
        value: page.map((record) => shown(record, undefined, null)),
        ...(last && mine.length > page.length && { '@odata.nextLink': nextLink(options.baseUrl(), incoming, last.id) }),
      },
    };
  }

  const routes: Route[] = [
    { method: 'POST', template: '/subscriptions', handle: create },
    { method: 'GET', template: '/subscriptions', handle: list },
    {
      method: 'GET',
      template: '/subscriptions/{id}',
      handle: (incoming, id) => ({ status: 200, body: shown(own(incoming, id), options.baseUrl(), null) }),
    },
    { method: 'PATCH', template: '/subscriptions/{id}', handle: update },
    {
      method: 'DELETE',
      template: '/subscriptions/{id}',
      handle(incoming, id) {
        const record = own(incoming, id);
        store.delete(id);
        options.deleted(record);
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      template: '/subscriptions/{id}/reauthorize',
      handle(incoming, id) {
        const record = own(incoming, id);
        record.touchedAt = clock.now();
        options.touched(record);
        return { status: 204 };
      },
    },
  ];
  return {
    routes,
    faults: {
      ignoreRenewals(times) {
        ignored = times;
      },
      hideFromList(ids) {
        hidden = new Set(ids);
      },
      loseCreated(times) {
        lost = times;
      },
    },
  };
}

function shown(record: SubscriptionRecord, baseUrl: string | undefined, clientState: string | null): unknown {
  return {
    ...(baseUrl && { '@odata.context': `${baseUrl}/$metadata#subscriptions/$entity` }),
    id: record.id,
    resource: record.resource,
    applicationId: record.appId,
    changeType: record.changeType,
    clientState,
    notificationUrl: record.notificationUrl,
    notificationQueryOptions: null,
    lifecycleNotificationUrl: record.lifecycleNotificationUrl ?? null,
    expirationDateTime: new Date(record.expiresAt).toISOString(),
    creatorId: record.creatorId,
    includeResourceData: null,
    latestSupportedTlsVersion: record.latestSupportedTlsVersion,
    encryptionCertificate: null,
    encryptionCertificateId: null,
    notificationUrlAppId: null,
  };
}
