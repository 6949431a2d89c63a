import type { TestAuthority } from '../tls.js';
import type { AppAssignments } from './app-assignments.js';
import type { ApplicationsControl } from './applications.js';
import type { Calls } from './calls.js';
import type { DirectoryControl } from './control.js';
import type { Deliveries } from './deliveries.js';
import type { DeltaFaults } from './delta.js';
import type { CallFaults } from './faults.js';
import type { Notifier } from './notifier.js';
import type { ReadFaults } from './read-faults.js';
import type { SubscriptionFaults } from './subscription-endpoints.js';
import type { SubscriptionRecord } from './subscription-store.js';
import type { Exchange } from './types.js';

export interface EntraSimulatorOptions {
  /** Signs the server's certificate, and is the one root that webhooks are trusted by. */
  authority: TestAuthority;
  tenantId?: string;
  clientId?: string;
  clientSecret?: string;
  /** 0 (default): any free port. */
  port?: number;
  /** How many times faster than Graph back-off and the slow and drop windows run. Time-outs are not scaled. */
  timeScale?: number;
  /** Application permissions; default GroupMember.Read.All and User.Read.All. */
  roles?: readonly string[];
  /** Group subscriptions need Group.Read.All (documented) rather than GroupMember.Read.All (reported to do). */
  strictGroupRole?: boolean;
  /** Time-outs towards webhooks; Graph's own by default: 10 s handshake, 3 s first try, 10 s retry. */
  timeouts?: { handshakeMs?: number; firstMs?: number; retryMs?: number };
  tokenLifetimeSeconds?: number;
  /** Epoch ms, for tokens and expiries; real time by default. */
  now?: () => number;
  subscriptionPageSize?: number;
  deltaPageSize?: number;
  /** Notifications before a host is judged slow; Graph: 100. */
  minimumHealthSamples?: number;
  /** Takes the events of `EventHub:` subscriptions; without it such subscriptions are refused. */
  eventHub?: (url: string, body: string) => void;
  /** Sees every request with its answer, for contract checks. */
  onExchange?: (exchange: Exchange) => void;
}

export interface EntraSimulator {
  /** `https://localhost:PORT/v1.0` */
  readonly graphUrl: string;
  /** `https://localhost:PORT`, msal's authority without the tenant. */
  readonly loginUrl: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly directory: DirectoryControl;
  readonly faults: CallFaults & ReadFaults & SubscriptionFaults & DeltaFaults;
  readonly notifications: Omit<Notifier, 'onChange' | 'touched' | 'deleted' | 'close'> & Notifications;
  readonly deliveries: Deliveries;
  readonly calls: Calls;
  readonly credentials: Credentials;
  /** What is assigned to the enterprise applications. */
  readonly assignments: AppAssignments;
  readonly applications: ApplicationsControl;
  /** The live subscriptions, as the service holds them. */
  subscriptions(): readonly Readonly<SubscriptionRecord>[];
  /** Ends a subscription as its expiry does: no notice, 404 from now on. */
  endSubscription(id: string): void;
  /** Lets time pass at once: tokens, subscriptions and delta tokens grow older. */
  advance(ms: number): void;
  close(): Promise<void>;
}

/** Losing notifications. */
export interface Notifications {
  off(): void;
  on(): void;
  loseNext(items: number): void;
  /** Makes changes that nobody is told of. */
  silently<T>(change: () => T): T;
}

/** The applications' credentials and what tokens they get. */
export interface Credentials {
  /** A ready access token of the main application. */
  issueToken(options?: { lifetimeSeconds?: number; roles?: readonly string[] }): string;
  expireSecret(): void;
  /** A new secret takes the place of the old one. */
  rotateSecret(): string;
  registerCertificate(pem: string): void;
  /** Counts for tokens issued from now on. */
  setRoles(roles: readonly string[]): void;
  /** Every token issued so far is refused; with `challenge`, by a claims challenge. */
  revokeTokens(options?: { challenge?: boolean }): void;
  /** A second application of the tenant. */
  registerApp(roles?: readonly string[]): { clientId: string; clientSecret: string };
}
