import type { Log } from './log.js';
import type { Metrics } from './metrics.js';

/** Something of ours that ends at a known instant, and then keeps us out. */
export interface Expiry {
  /** Also the label of the metric. */
  credential:
    | 'entra-client-secret'
    | 'entra-certificate'
    | 'listener-certificate'
    | 'pve-api-token'
    | 'realm-client-secret'
    | 'proxmox-token'
    | 'proxmox-token-rotation';
  /** Which of several: `terraform-prov@pve!terraform`. */
  name?: string | undefined;
  /** Epoch ms. */
  expiresAt: number;
}

/** How near the end is. */
export type ExpiryLevel = 'far' | '30 days' | '7 days' | '1 day' | 'expired';

/** An expiry that somebody should do something about. */
export interface ExpiryView {
  credential: Expiry['credential'];
  name?: string | undefined;
  /** ISO 8601 in UTC. */
  expiresAt: string;
  level: ExpiryLevel;
  /** Whole days that are left, 0 on the last; negative afterwards. */
  daysLeft: number;
  remedy: string;
}

const DAY_MS = 24 * 3_600_000;

/** How near the end of something is. */
export function expiryLevel(expiresAt: number, now: number): ExpiryLevel {
  const leftMs = expiresAt - now;
  if (leftMs <= 0) return 'expired';
  if (leftMs <= DAY_MS) return '1 day';
  if (leftMs <= 7 * DAY_MS) return '7 days';
  return leftMs <= 30 * DAY_MS ? '30 days' : 'far';
}

/** What there is to say about each of them. */
export function expiryViews(expiries: readonly Expiry[], now: number): ExpiryView[] {
  return expiries.map(({ credential, name, expiresAt }) => ({
    credential,
    ...(name === undefined ? {} : { name }),
    expiresAt: new Date(expiresAt).toISOString(),
    level: expiryLevel(expiresAt, now),
    daysLeft: Math.floor((expiresAt - now) / DAY_MS),
    remedy: REMEDIES[credential],
  }));
}

const REMEDIES: Readonly<Record<Expiry['credential'], string>> = {
  'entra-client-secret':
    'make a new client secret (Entra admin centre, App registrations, Certificates & secrets), put it in place of the old one with its new ENTRA_CLIENT_SECRET_EXPIRES, restart',
  'entra-certificate':
    'make a new certificate, upload it under Certificates & secrets, put certificate and key in place of the old ones, restart',
  'listener-certificate': 'renew the certificate of LISTEN_TLS_CERT_FILE, restart the listener',
  'pve-api-token':
    'move its expiry (pveum user token modify) or make a new one, then PVE_API_TOKEN_EXPIRES, restart the reconciler',
  'realm-client-secret':
    'make a new client secret of the application that people log in to Proxmox with, put it into REALM_CLIENT_SECRET_FILE with its new REALM_CLIENT_SECRET_EXPIRES, "entramox realm apply"',
  'proxmox-token': 'declare a later expire and run "entramox token apply"',
  'proxmox-token-rotation':
    'entramox token rotate --due, and enable its timer: systemctl enable --now entramox-token-rotate.timer',
};

export interface ExpiryWatchOptions {
  /** Asked anew each time: some are found out later, or replaced while we run. */
  expiries: readonly Expiry[] | (() => readonly Expiry[]);
  /** Epoch ms. */
  now: () => number;
  log: Log;
  metrics: Pick<Metrics, 'credentialExpirySeconds'>;
}

/** To be called now and then, however often. */
export interface ExpiryWatch {
  /** Logs what ends within 30, 7 or 1 days, each level when it is reached and then once a day. */
  look(): void;
  /** Brings the metric up to date. */
  measure(): void;
}

/** Watches what ends at a known instant. */
export function createExpiryWatch({ expiries, now, log, metrics }: ExpiryWatchOptions): ExpiryWatch {
  // Declared tokens are told of by the commands that look after them, and have metrics of their own.
  const ours = () => (typeof expiries === 'function' ? expiries() : expiries).filter(({ name }) => name === undefined);
  const told = new Map<string, { level: ExpiryLevel; at: number }>();
  return {
    look() {
      const at = now();
      for (const { credential, expiresAt, level, daysLeft, remedy } of expiryViews(ours(), at)) {
        const last = told.get(credential);
        if (level === 'far' || (last?.level === level && at - last.at < DAY_MS)) continue;
        told.set(credential, { level, at });
        const event = level === 'expired' ? 'config.credential.expired' : 'config.credential.expiring';
        log(event, { credential, expiresAt, daysLeft, remedy });
      }
    },
    measure() {
      for (const { credential, expiresAt } of ours()) {
        metrics.credentialExpirySeconds.set({ credential }, Math.round((expiresAt - now()) / 1000));
      }
    },
  };
}
