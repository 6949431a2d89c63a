import rhea, { type Connection, type Container, type EventContext, type Message, type Sender, type Source } from 'rhea';
import type { EventBody, PartitionLog, StartAt, StoredEvent } from './partition-log.js';
import { isAccepted, type TokenRules } from './tokens.js';

export interface BrokerOptions {
  hub: string;
  consumerGroups: readonly string[];
  partitions: ReadonlyMap<string, PartitionLog>;
  tokens: TokenRules;
  createdAt: () => number;
}

/** What a test may break. */
export interface BrokerFaults {
  /** Every token is refused on `$cbs`. */
  refuseTokens(on: boolean): void;
  /** New links to the partitions are refused as while the service is busy. */
  refuseLinks(on: boolean): void;
  /** Ends every partition's link, as the service does when it moves a partition. */
  detachAll(): void;
  /** Cuts every connection without a word. */
  cutAll(): void;
  /** Another reader of the same consumer group takes over. */
  stealAll(): void;
}

/** A reader that is attached. */
export interface AttachedReader {
  partition: string;
  consumerGroup: string;
  filter: string;
}

/** The AMQP side of one event hub: `$cbs`, `$management` and the partitions. Serve it with `container`. */
export interface Broker {
  container: Container;
  /** Sends what is new to whoever reads the partition. */
  pump(partition: string): void;
  readers(): AttachedReader[];
  /** Tokens that were shown, newest last. */
  shownTokens(): { type: string; audience: string; accepted: boolean }[];
  connections(): number;
  faults: BrokerFaults;
}

interface Reader extends AttachedReader {
  link: Sender;
  epoch: number | undefined;
  /** Sequence number of the next event, or undefined before the first. */
  queue: StoredEvent[];
}

const SELECTOR = 'apache.org:selector-filter:string';
const PARTITION_ADDRESS = /^([^/]+)\/ConsumerGroups\/([^/]+)\/Partitions\/(.+)$/i;

/** A stand-in that a real client cannot tell from the service in what it checks: tokens, addresses, positions, epochs, credit. */
export function createBroker(options: BrokerOptions): Broker {
  const { hub, partitions } = options;
  const container = rhea.create_container();
  for (const mechanism of ['ANONYMOUS', 'MSSBCBS']) container.sasl_server_mechanisms[mechanism] = anonymous;
  const connections = new Map<Connection, Set<string>>();
  const replies = new Map<Connection, Map<string, Sender>>();
  const shown: { type: string; audience: string; accepted: boolean }[] = [];
  let readers: Reader[] = [];
  let tokensRefused = false;
  let linksRefused = false;

  function flush(reader: Reader): void {
    while (reader.queue.length > 0 && reader.link.is_open() && reader.link.sendable()) {
      const event = reader.queue.shift();
      if (event) reader.link.send(messageOf(event));
    }
  }

  function attach({ connection, sender }: EventContext): void {
    if (!sender) return;
    const address = String(sender.source?.address ?? '');
    if (address === '$cbs' || address === '$management') {
      sender.set_source(sender.source);
      const own = replies.get(connection) ?? new Map<string, Sender>();
      own.set(sender.name, sender);
      replies.set(connection, own);
      return;
    }
    const [, path, consumerGroup = '', partition = ''] = PARTITION_ADDRESS.exec(address) ?? [];
    const log = partitions.get(partition);
    const known = options.consumerGroups.some((group) => group.toLowerCase() === consumerGroup.toLowerCase());
    if (path !== hub || !known || !log) {
      refuse(sender, 'amqp:not-found', `The messaging entity '${address}' could not be found.`);
      return;
    }
    const claims = connections.get(connection) ?? new Set();
    if (![...claims].some((audience) => audience.toLowerCase().endsWith(address.toLowerCase()))) {
      refuse(sender, 'amqp:unauthorized-access', `Unauthorized access. 'Listen' claim(s) are required for ${address}.`);
      return;
    }
    if (linksRefused) {
      refuse(sender, 'com.microsoft:server-busy', 'The service was unable to process the request; please retry.');
      return;
    }
    const filter = filterOf(sender.source);
    const start = parseFilter(filter);
    if (!start) {
      refuse(sender, 'com.microsoft:argument-error', `The filter '${filter}' is not understood.`);
      return;
    }
    const backlog = log.from(start);
    if (!backlog) {
      refuse(
        sender,
        'com.microsoft:argument-error',
        `The supplied offset '${start.value}' is invalid. The last offset in the system is '${log.last()?.offset ?? '-1'}'.`,
      );
      return;
    }
    const epoch = epochOf(sender);
    const others = readers.filter((one) => one.partition === partition && one.consumerGroup === consumerGroup);
    if (others.some((one) => one.epoch !== undefined && (epoch === undefined || epoch < one.epoch))) {
      refuse(sender, 'amqp:link:stolen', 'At least one receiver of the partition has a higher epoch.');
      return;
    }
    if (epoch !== undefined)
      for (const one of others) end(one, 'amqp:link:stolen', `New receiver with epoch '${epoch}' is created.`);
    sender.set_source(sender.source);
    const reader = { partition, consumerGroup, filter, link: sender, epoch, queue: [...backlog] };
    readers.push(reader);
    flush(reader);
  }

  function refuse(link: Sender, condition: string, description: string): void {
    link.set_source(link.source);
    link.close({ condition, description });
  }

  function end(reader: Reader, condition: string, description: string): void {
    readers = readers.filter((one) => one !== reader);
    if (reader.link.is_open()) reader.link.close({ condition, description });
  }

  function answer(connection: Connection, request: Message, response: Message): void {
    const link = replies.get(connection)?.get(String(request.reply_to));
    link?.send({ ...response, to: request.reply_to, correlation_id: request.message_id });
  }

  function putToken(connection: Connection, request: Message): void {
    const { name, type } = request.application_properties ?? {};
    const token = { type: String(type), token: String(request.body), audience: String(name) };
    const accepted = !tokensRefused && isAccepted(token, options.tokens);
    shown.push({ type: token.type, audience: token.audience, accepted });
    if (accepted) connections.get(connection)?.add(token.audience);
    answer(connection, request, {
      application_properties: accepted
        ? { 'status-code': 202, 'status-description': 'OK' }
        : {
            'status-code': 401,
            'status-description': 'InvalidSignature: The token has an invalid signature.',
            'error-condition': 'amqp:unauthorized-access',
          },
      body: '',
    });
  }

  function manage(connection: Connection, request: Message): void {
    const { name, type, operation, partition, security_token: token } = request.application_properties ?? {};
    const fail = (code: number, text: string) =>
      answer(connection, request, {
        application_properties: { 'status-code': code, 'status-description': text },
        body: '',
      });
    if (typeof token !== 'string' || tokensRefused) {
      fail(401, 'a security token is needed');
      return;
    }
    if (operation !== 'READ' || name !== hub) {
      fail(404, `${String(name)} is not here`);
      return;
    }
    const done = { 'status-code': 200, 'status-description': 'OK' };
    if (type === 'com.microsoft:eventhub') {
      answer(connection, request, {
        application_properties: done,
        body: {
          name: hub,
          type,
          created_at: rhea.types.wrap_timestamp(options.createdAt()),
          partition_count: partitions.size,
          partition_ids: rhea.types.wrap_array([...partitions.keys()], 0xa1, undefined),
          georeplication_factor: 1,
        },
      });
      return;
    }
    const log = partitions.get(String(partition));
    if (type !== 'com.microsoft:partition' || !log) {
      fail(404, `no partition ${String(partition)}`);
      return;
    }
    const last = log.last();
    answer(connection, request, {
      application_properties: done,
      body: {
        name: hub,
        partition: log.id,
        type,
        begin_sequence_number: rhea.types.wrap_long(log.events()[0]?.sequenceNumber ?? 0),
        last_enqueued_sequence_number: rhea.types.wrap_long(last?.sequenceNumber ?? -1),
        last_enqueued_offset: last?.offset ?? '-1',
        last_enqueued_time_utc: rhea.types.wrap_timestamp(last?.enqueuedAt ?? 0),
        is_partition_empty: log.events().length === 0,
      },
    });
  }

  container.on('connection_open', ({ connection }: EventContext) => connections.set(connection, new Set()));
  container.on('connection_close', ({ connection }: EventContext) => forget(connection));
  container.on('disconnected', ({ connection }: EventContext) => forget(connection));
  container.on('sender_open', attach);
  container.on('receiver_open', ({ receiver }: EventContext) => receiver?.set_target(receiver.target));
  container.on('sendable', ({ sender }: EventContext) => {
    for (const reader of readers) if (reader.link === sender) flush(reader);
  });
  container.on('sender_close', ({ sender }: EventContext) => {
    readers = readers.filter(({ link }) => link !== sender);
  });
  container.on('message', ({ connection, message, receiver }: EventContext) => {
    if (!message) return;
    const address = String(receiver?.target?.address ?? '');
    if (address === '$cbs') putToken(connection, message);
    else if (address === '$management') manage(connection, message);
  });
  for (const quiet of [
    'error',
    'connection_error',
    'protocol_error',
    'session_error',
    'sender_error',
    'receiver_error',
  ]) {
    container.on(quiet, () => undefined);
  }

  function forget(connection: Connection): void {
    connections.delete(connection);
    replies.delete(connection);
    readers = readers.filter(({ link }) => link.connection !== connection);
  }

  return {
    container,
    pump(partition) {
      const log = partitions.get(partition);
      const event = log?.last();
      if (!event) return;
      for (const reader of readers.filter((one) => one.partition === partition)) {
        reader.queue.push(event);
        flush(reader);
      }
    },
    readers: () => readers.map(({ partition, consumerGroup, filter }) => ({ partition, consumerGroup, filter })),
    shownTokens: () => [...shown],
    connections: () => connections.size,
    faults: {
      refuseTokens(on) {
        tokensRefused = on;
      },
      refuseLinks(on) {
        linksRefused = on;
      },
      detachAll() {
        for (const reader of readers) end(reader, 'amqp:link:detach-forced', 'The link was detached by the broker.');
      },
      stealAll() {
        for (const reader of readers) end(reader, 'amqp:link:stolen', "New receiver with epoch '0' is created.");
      },
      cutAll() {
        for (const connection of [...connections.keys()]) {
          forget(connection);
          (connection as Connection & { socket?: { destroy?(): void; end(): void } }).socket?.end();
        }
      },
    },
  };
}

/** SASL in which anybody is let in; what counts is shown on `$cbs` later. */
function anonymous() {
  return {
    outcome: undefined as boolean | undefined,
    username: 'anonymous',
    start() {
      this.outcome = true;
    },
  };
}

function messageOf({ sequenceNumber, offset, enqueuedAt, body }: StoredEvent): Message {
  return {
    message_annotations: {
      'x-opt-sequence-number': rhea.types.wrap_long(sequenceNumber),
      'x-opt-offset': offset,
      'x-opt-enqueued-time': rhea.types.wrap_timestamp(enqueuedAt),
    },
    body: sectionOf(body),
  };
}

function sectionOf(body: EventBody): unknown {
  switch (body.section) {
    case 'data':
      return rhea.message.data_section(body.content);
    case 'sequence':
      return rhea.message.sequence_section(body.content as unknown[]);
    case 'value':
      return body.content;
    default:
      return body satisfies never;
  }
}

function filterOf(source: Source | undefined): string {
  const filter: unknown = source?.filter?.[SELECTOR];
  const value = typeof filter === 'object' && filter !== null && 'value' in filter ? filter.value : filter;
  return String(value ?? '');
}

function parseFilter(filter: string): StartAt | undefined {
  const found = /^amqp\.annotation\.x-opt-(offset|sequence-number) (>=?) '([^']*)'$/.exec(filter);
  if (!found) return undefined;
  return { by: found[1] === 'offset' ? 'offset' : 'sequence', inclusive: found[2] === '>=', value: found[3] ?? '' };
}

function epochOf(link: Sender): number | undefined {
  const epoch: unknown = link.properties?.['com.microsoft:epoch'];
  return epoch === undefined ? undefined : Number(epoch);
}
