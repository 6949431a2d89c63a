import { clouds } from '../clouds.js';
import type { SettingName, Values } from '../schema/index.js';
import type { RuleContext } from './context.js';

/** A hub that can be read, and where Graph is told to send. */
export interface EventHubSettings {
  /** Host name of the namespace. */
  namespace: string;
  hub: string;
  consumerGroup: string;
  /** A secret; undefined: our own app registration reads the hub. */
  connectionString: string | undefined;
  /** What Graph is given for notifications and lifecycle events. */
  notificationUrl: string;
  /** undefined: amqp, or websocket where a proxy applies. */
  transport: 'amqp' | 'websocket' | undefined;
}

const NAMES = [
  'EVENTHUB_NAMESPACE',
  'EVENTHUB_NAME',
  'EVENTHUB_CONNECTION_STRING',
  'EVENTHUB_TENANT_DOMAIN',
  'EVENTHUB_NOTIFICATION_URL',
  'EVENTHUB_TRANSPORT',
] as const satisfies readonly SettingName[];

/** What reading an event hub needs, told all at once; and what is set although no event hub is read. */
export function eventHubRules(context: RuleContext): void {
  const { values, needs, isGiven, isFailed, notice } = context;
  if (!isToldByEventHub(values)) {
    const [first] = NAMES.filter((name) => isGiven(name));
    if (first) notice('ignored', first, `${first} is ignored, since CHANGE_SOURCE does not name eventhub.`);
    return;
  }
  if (needs.webhooks === 'none' || values.GRAPH_ENFORCE === false) return;
  const missing = (name: SettingName) => !isGiven(name) && !isFailed(name);
  const connection = values.EVENTHUB_CONNECTION_STRING;
  const keyGiven = isGiven('EVENTHUB_CONNECTION_STRING');
  if (!keyGiven && missing('EVENTHUB_NAMESPACE')) {
    context.problem(
      'EVENTHUB_NAMESPACE',
      'the namespace, or EVENTHUB_CONNECTION_STRING, since CHANGE_SOURCE names eventhub',
    );
  }
  if (missing('EVENTHUB_NAME') && (connection ? connection.hub === undefined : !keyGiven)) {
    context.problem('EVENTHUB_NAME', 'the event hub, since CHANGE_SOURCE names eventhub');
  }
  if (missing('EVENTHUB_NOTIFICATION_URL') && missing('EVENTHUB_TENANT_DOMAIN')) {
    context.problem(
      'EVENTHUB_TENANT_DOMAIN',
      "the domain of the tenant that owns the hub's Azure subscription, or the whole EVENTHUB_NOTIFICATION_URL",
    );
  }
  contradictions(context);
  if (!keyGiven && isGiven('GRAPH_ACCESS_TOKEN')) {
    context.problem(
      'EVENTHUB_CONNECTION_STRING',
      'a connection string, since a ready token (GRAPH_ACCESS_TOKEN) is for Graph alone and cannot read the hub',
    );
  }
  if (connection?.plain) {
    notice(
      'insecure',
      'EVENTHUB_CONNECTION_STRING',
      'UseDevelopmentEmulator=true speaks to the hub without TLS: use it for tests on one machine only.',
    );
  }
  if (values.EVENTHUB_TRANSPORT === 'amqp' && isGiven('HTTPS_PROXY')) {
    notice(
      'incomplete',
      'EVENTHUB_TRANSPORT',
      'EVENTHUB_TRANSPORT=amqp does not pass HTTPS_PROXY: the hub is reached straight on TCP 5671. websocket goes through the proxy.',
    );
  }
}

/** Two settings that name different things: nobody can say which is meant. */
function contradictions({ values, problem }: RuleContext): void {
  const connection = values.EVENTHUB_CONNECTION_STRING;
  const { EVENTHUB_NAME: hub, EVENTHUB_NAMESPACE: namespace } = values;
  if (connection?.hub !== undefined && hub !== undefined && connection.hub !== hub) {
    problem('EVENTHUB_NAME', `the same hub as in the connection string, ${connection.hub}, or nothing`);
  }
  if (connection && namespace !== undefined && hostOf(namespace, values) !== connection.host) {
    problem('EVENTHUB_NAMESPACE', `the same namespace as in the connection string, ${connection.host}, or nothing`);
  }
}

/** Changes come by an event hub. */
export function isToldByEventHub({ CHANGE_SOURCE: sources }: Partial<Values>): boolean {
  return sources?.includes('eventhub') ?? false;
}

/** The hub of accepted values; undefined where no hub is read, or where a command needs none and it is not complete. */
export function eventHubOf(values: Values): EventHubSettings | undefined {
  if (!isToldByEventHub(values)) return undefined;
  const connection = values.EVENTHUB_CONNECTION_STRING;
  const namespace =
    values.EVENTHUB_NAMESPACE === undefined ? connection?.host : hostOf(values.EVENTHUB_NAMESPACE, values);
  const hub = values.EVENTHUB_NAME ?? connection?.hub;
  const domain = values.EVENTHUB_TENANT_DOMAIN;
  if (namespace === undefined || hub === undefined) return undefined;
  const notificationUrl =
    values.EVENTHUB_NOTIFICATION_URL ??
    (domain && `EventHub:https://${namespace}/eventhubname/${hub}?tenantId=${domain.toLowerCase()}`);
  if (!notificationUrl) return undefined;
  return {
    namespace,
    hub,
    consumerGroup: values.EVENTHUB_CONSUMER_GROUP,
    connectionString: connection?.text,
    notificationUrl,
    transport: values.EVENTHUB_TRANSPORT,
  };
}

function hostOf(namespace: string, { ENTRA_CLOUD: cloud = 'global' }: Partial<Values>): string {
  return namespace.includes('.') ? namespace : `${namespace}.${clouds[cloud].eventHubDomain}`;
}
