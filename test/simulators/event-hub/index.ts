import type { Server } from 'node:net';
import { type Broker, type BrokerFaults, createBroker } from './broker.js';
import { createPartitionLog, type EventBody, type PartitionLog, type StoredEvent } from './partition-log.js';

export type { EventBody, StoredEvent } from './partition-log.js';

export interface EventHubSimulatorOptions {
  hub?: string;
  partitions?: number;
  consumerGroups?: readonly string[];
  /** 0 (default): any free port. */
  port?: number;
  acceptJwt?: ((token: string) => boolean) | undefined;
}

export interface EventHubSimulator {
  hub: string;
  port: number;
  keyName: string;
  key: string;
  /** As Microsoft's emulator wants it: AMQP without TLS. */
  connectionString: string;
  broker: Broker;
  faults: BrokerFaults & {
    /** The namespace is away: connections are cut and refused. */
    away(): Promise<void>;
    back(): Promise<void>;
    /** Retention: forgets all but the newest events of each partition. */
    retain(newest: number): void;
    /** The hub was deleted and made again under the same name. */
    recreate(): void;
  };
  /** Adds an event; without a partition they take turns. */
  send(body: string | Buffer | EventBody, partition?: string): { partition: string; event: StoredEvent };
  events(partition: string): readonly StoredEvent[];
  close(): Promise<void>;
}

/** Starts a namespace with one event hub, AMQP on 127.0.0.1. */
export async function startEventHubSimulator(options: EventHubSimulatorOptions = {}): Promise<EventHubSimulator> {
  const { hub = 'changes', partitions: count = 2, consumerGroups = ['$Default'] } = options;
  const keyName = 'listen';
  const key = 'c2ltdWxhdGVkLWtleS1vZi10aGUtaHVi';
  const partitions = new Map<string, PartitionLog>();
  for (let id = 0; id < count; id += 1) partitions.set(String(id), createPartitionLog(String(id)));
  let createdAt = Date.now();
  const broker = createBroker({
    hub,
    consumerGroups,
    partitions,
    tokens: { keyName, key, acceptJwt: options.acceptJwt },
    createdAt: () => createdAt,
  });
  let server: Server | undefined;
  let port = options.port ?? 0;
  let turn = 0;

  async function open(): Promise<void> {
    const listening = broker.container.listen({ port, host: '127.0.0.1' });
    server = listening;
    await new Promise<void>((resolve, reject) => {
      listening.once('listening', resolve);
      listening.once('error', reject);
    });
    const address = listening.address();
    if (typeof address === 'object' && address) port = address.port;
  }

  async function shut(): Promise<void> {
    const closing = server;
    server = undefined;
    const closed = new Promise((resolve) => (closing ? closing.close(resolve) : resolve(undefined)));
    broker.faults.cutAll();
    await closed;
  }

  await open();
  return {
    hub,
    port,
    keyName,
    key,
    connectionString: `Endpoint=sb://localhost:${port};SharedAccessKeyName=${keyName};SharedAccessKey=${key};EntityPath=${hub};UseDevelopmentEmulator=true;`,
    broker,
    faults: {
      ...broker.faults,
      away: shut,
      back: open,
      retain(newest) {
        for (const log of partitions.values()) log.retain(newest);
      },
      recreate() {
        for (const log of partitions.values()) log.recreate();
        createdAt = Date.now();
        broker.faults.detachAll();
      },
    },
    send(body, partition = String(turn++ % count)) {
      const log = partitions.get(partition);
      if (!log) throw new Error(`the simulated hub has no partition ${partition}`);
      const event = log.append(
        typeof body === 'string' || Buffer.isBuffer(body) ? { section: 'data', content: Buffer.from(body) } : body,
      );
      broker.pump(partition);
      return { partition, event };
    },
    events: (partition) => partitions.get(partition)?.events() ?? [],
    close: shut,
  };
}
