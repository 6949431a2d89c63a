import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric we expose. Names carry their units; labels have few values. */
export interface Metrics {
  registry: Registry;
  queueDepth: Gauge<'state'>;
  queueOldestAgeSeconds: Gauge;
  notifications: Counter<'outcome'>;
  listenerAnswerSeconds: Histogram<'kind'>;
  listenerStanding: Gauge;
  reconciles: Counter<'by' | 'result'>;
  reconcileSeconds: Histogram<'by'>;
  steps: Counter<'target' | 'action' | 'outcome'>;
  sweepLastSuccessSeconds: Gauge;
  sweepSeconds: Histogram;
  subscriptionExpirySeconds: Gauge<'resource' | 'source'>;
  eventHubUnwell: Gauge;
  eventHubLastEventSeconds: Gauge;
  subscriptionGaps: Counter<'kind'>;
  subscriptionGapSeconds: Counter;
  subscriptionUncoveredSeconds: Gauge<'resource' | 'source'>;
  credentialExpirySeconds: Gauge<'credential'>;
  tokenExpiryTimestamp: Gauge<'token'>;
  tokenRotationTimestamp: Gauge<'token'>;
  guardHeld: Gauge;
  guardHeldIdentities: Gauge<'kind'>;
  guardRejectedIdentities: Gauge<'kind'>;
  firstRunWaiting: Gauge;
  graphCalls: Counter<'status'>;
  proxmoxCalls: Counter<'method' | 'status'>;
  lakefsCalls: Counter<'method' | 'status'>;
  lakefsGroups: Gauge<'state'>;
  lakefsMemberships: Gauge;
  lakefsPending: Gauge;
  identities: Gauge<'state'>;
  recordDisagreements: Gauge;
  clockDoubted: Gauge;
  storageUnwritable: Gauge<'what'>;
  proxmoxWritesHindered: Gauge;
  catchUpRequests: Counter<'kind'>;
  catchUpRoundRequests: Gauge<'kind'>;
  catchUpLastSuccessSeconds: Gauge;
  catchUpFailures: Counter;
  foundOnly: Counter<'by'>;
  problems: Gauge<'condition'>;
  problemSinceSeconds: Gauge<'condition'>;
  oldestUnprovedSeconds: Gauge;
}

/** A registry of its own for each process, so that tests and processes do not share counts. */
export function createMetrics(options: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    queueDepth: new Gauge({ name: 'entramox_queue_keys', help: 'Keys by state', labelNames: ['state'], registers }),
    queueOldestAgeSeconds: new Gauge({
      name: 'entramox_queue_oldest_due_age_seconds',
      help: 'Age of the oldest key that is due',
      registers,
    }),
    notifications: new Counter({
      name: 'entramox_notifications_total',
      help: 'Notification items by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    listenerAnswerSeconds: new Histogram({
      name: 'entramox_listener_answer_seconds',
      help: 'Time until a request of Graph was answered, its body included',
      labelNames: ['kind'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10],
      registers,
    }),
    listenerStanding: new Gauge({
      name: 'entramox_listener_endpoint_standing',
      help: 'How Graph would treat the endpoint by its rules: 0 well, 1 slow, 2 dropping',
      registers,
    }),
    reconciles: new Counter({
      name: 'entramox_reconciles_total',
      help: 'Reconciled identities by result',
      labelNames: ['by', 'result'],
      registers,
    }),
    reconcileSeconds: new Histogram({
      name: 'entramox_reconcile_seconds',
      help: 'Duration of one batch of targeted reconciles, or of a resync',
      labelNames: ['by'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    steps: new Counter({
      name: 'entramox_steps_total',
      help: 'Steps by target, action and outcome',
      labelNames: ['target', 'action', 'outcome'],
      registers,
    }),
    sweepLastSuccessSeconds: new Gauge({
      name: 'entramox_sweep_last_success_timestamp_seconds',
      help: 'When the last complete sweep ended',
      registers,
    }),
    sweepSeconds: new Histogram({
      name: 'entramox_sweep_seconds',
      help: 'Duration of sweeps',
      buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 300, 900],
      registers,
    }),
    subscriptionExpirySeconds: new Gauge({
      name: 'entramox_subscription_expiry_seconds',
      help: 'Seconds until a subscription expires',
      labelNames: ['resource', 'source'],
      registers,
    }),
    subscriptionGaps: new Counter({
      name: 'entramox_subscription_gaps_total',
      help: 'Times in which Graph did not tell us of a resource, and that are over',
      labelNames: ['kind'],
      registers,
    }),
    subscriptionGapSeconds: new Counter({
      name: 'entramox_subscription_gap_seconds_total',
      help: 'Length of those times together',
      registers,
    }),
    subscriptionUncoveredSeconds: new Gauge({
      name: 'entramox_subscription_uncovered_seconds',
      help: 'For how long Graph has not told us of a resource; 0 while it does',
      labelNames: ['resource', 'source'],
      registers,
    }),
    eventHubUnwell: new Gauge({
      name: 'entramox_event_hub_unwell',
      help: '1 while the event hub is not read, or its events wait for the spool',
      registers,
    }),
    eventHubLastEventSeconds: new Gauge({
      name: 'entramox_event_hub_last_event_timestamp_seconds',
      help: 'When events of the event hub were stored last',
      registers,
    }),
    credentialExpirySeconds: new Gauge({
      name: 'entramox_credential_expiry_seconds',
      help: 'Seconds until a certificate, secret or token ends; negative afterwards',
      labelNames: ['credential'],
      registers,
    }),
    tokenExpiryTimestamp: new Gauge({
      name: 'entramox_token_expiry_timestamp_seconds',
      help: 'When a declared API token of Proxmox VE ends; missing where it never does',
      labelNames: ['token'],
      registers,
    }),
    tokenRotationTimestamp: new Gauge({
      name: 'entramox_token_rotation_timestamp_seconds',
      help: 'When a declared API token of Proxmox VE is to be rotated; missing where it never is by itself',
      labelNames: ['token'],
      registers,
    }),
    guardHeld: new Gauge({ name: 'entramox_guard_held', help: '1 while a plan is held', registers }),
    guardHeldIdentities: new Gauge({
      name: 'entramox_guard_held_identities',
      help: 'Identities that a held plan would lock or delete',
      labelNames: ['kind'],
      registers,
    }),
    guardRejectedIdentities: new Gauge({
      name: 'entramox_guard_rejected_identities',
      help: "Identities that an operator's rejection keeps from being locked or deleted",
      labelNames: ['kind'],
      registers,
    }),
    firstRunWaiting: new Gauge({
      name: 'entramox_first_run_waiting',
      help: '1 while the first run on this host waits for approval',
      registers,
    }),
    graphCalls: new Counter({
      name: 'entramox_graph_calls_total',
      help: 'Calls to Graph by HTTP status',
      labelNames: ['status'],
      registers,
    }),
    proxmoxCalls: new Counter({
      name: 'entramox_proxmox_calls_total',
      help: 'Calls to Proxmox by method and HTTP status',
      labelNames: ['method', 'status'],
      registers,
    }),
    lakefsGroups: new Gauge({
      name: 'entramox_lakefs_groups',
      help: 'lakeFS groups that are looked after: active, ending (gone from Entra), conflict',
      labelNames: ['state'],
      registers,
    }),
    lakefsMemberships: new Gauge({
      name: 'entramox_lakefs_memberships',
      help: 'Memberships in lakeFS groups that we put there',
      registers,
    }),
    lakefsPending: new Gauge({
      name: 'entramox_lakefs_pending_members',
      help: 'People who should be in a lakeFS group and have no lakeFS user yet',
      registers,
    }),
    lakefsCalls: new Counter({
      name: 'entramox_lakefs_calls_total',
      help: 'Calls to lakeFS by method and HTTP status',
      labelNames: ['method', 'status'],
      registers,
    }),
    identities: new Gauge({
      name: 'entramox_identities',
      help: 'Identities by lifecycle state',
      labelNames: ['state'],
      registers,
    }),
    recordDisagreements: new Gauge({
      name: 'entramox_record_disagreements',
      help: 'Contradictions between the ledger and the records of the targets',
      registers,
    }),
    clockDoubted: new Gauge({
      name: 'entramox_clock_doubted',
      help: '1 while the wall clock is not believed and deletions wait',
      registers,
    }),
    proxmoxWritesHindered: new Gauge({
      name: 'entramox_proxmox_writes_hindered',
      help: '1 while Proxmox VE takes no write: lock held, no quorum, or user.cfg full',
      registers,
    }),
    problems: new Gauge({
      name: 'entramox_problem',
      help: 'Problems of a whole source, target or store, by kind; 0 once they are over',
      labelNames: ['condition'],
      registers,
    }),
    problemSinceSeconds: new Gauge({
      name: 'entramox_problem_since_seconds',
      help: 'When the oldest problem of a kind began, in seconds since 1970; 0 where there is none',
      labelNames: ['condition'],
      registers,
    }),
    oldestUnprovedSeconds: new Gauge({
      name: 'entramox_oldest_unproved_seconds',
      help: 'Age of the oldest hint about somebody that is not settled yet, be it due, in work or waiting to be tried again',
      registers,
    }),
    catchUpRequests: new Counter({
      name: 'entramox_catchup_requests_total',
      help: 'Calls to Graph by good rounds of catch-up, for users and for groups',
      labelNames: ['kind'],
      registers,
    }),
    catchUpRoundRequests: new Gauge({
      name: 'entramox_catchup_round_requests',
      help: 'Calls to Graph that the last good round of catch-up took',
      labelNames: ['kind'],
      registers,
    }),
    catchUpLastSuccessSeconds: new Gauge({
      name: 'entramox_catchup_last_success_timestamp_seconds',
      help: 'When the last good round of catch-up ended',
      registers,
    }),
    catchUpFailures: new Counter({
      name: 'entramox_catchup_failures_total',
      help: 'Rounds of catch-up that failed',
      registers,
    }),
    foundOnly: new Counter({
      name: 'entramox_found_only_total',
      help: 'Changes that nobody had told of, by what found them',
      labelNames: ['by'],
      registers,
    }),
    storageUnwritable: new Gauge({
      name: 'entramox_storage_unwritable',
      help: '1 while the ledger, the audit log or the spool cannot be written',
      labelNames: ['what'],
      registers,
    }),
  };
}
