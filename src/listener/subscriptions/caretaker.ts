import { messageOf } from '../../domain/errors.js';
import { GraphError } from '../../entra/graph-errors.js';
import type { Subscription } from '../../entra/subscription.js';
import { readTooLong } from '../../entra/subscription-refusals.js';
import { type Alteration, alteration } from './compare.js';
import type { Creation, CreationOptions } from './creation.js';
import { type SweepDebts, withDebt } from './debts.js';
import { closeGap, countAlteration, openGap, suspicion } from './gaps.js';
import { type GapKind, isLive, type LiveRecord, type SubscriptionRecord } from './record.js';
import { explainRival } from './rivals.js';
import { withRecord } from './store.js';
import { askedExpiry, endsSoon, isDue, needsRenewalFirst } from './timing.js';
import type { Touch, Touches } from './touches.js';

export interface CaretakerOptions
  extends Pick<
    CreationOptions,
    'api' | 'store' | 'urls' | 'changeType' | 'lifetimeMs' | 'clock' | 'log' | 'onGapEnded'
  > {
  create: Creation;
  touches: Touches;
  debts: SweepDebts;
  /** Whether a handshake would succeed now. */
  endpointReady: (signal: AbortSignal) => Promise<boolean>;
}

/** Looks after the subscription of one resource. The caller sees to it that only one call per resource runs. */
export interface Caretaker {
  /** Compares with Graph, and creates, replaces or renews as needed. Gives what is in the way, if anything. */
  lookAfter(resource: string, signal: AbortSignal): Promise<string | undefined>;
  renew(record: LiveRecord, signal: AbortSignal): Promise<string | undefined>;
  reauthorize(record: LiveRecord, signal: AbortSignal): Promise<string | undefined>;
  /** Stores when each subscription was last seen to be good, in one write for all. */
  remember(): Promise<void>;
}

const NOT_READY = 'our own endpoint does not answer a handshake, so nothing is created';
/** So much may be unknown of the begin of a gap after a crash. */
const REMEMBER_MS = 5 * 60_000;

/** The work on single subscriptions. Errors of Graph and of the store are thrown. */
export function createCaretaker(options: CaretakerOptions): Caretaker {
  const { api, store, urls, changeType, lifetimeMs, clock, log, touches } = options;
  /** When each was last seen to be as we want it, by id. */
  const good = new Map<string, number>();

  async function createIfReady(resource: string, signal: AbortSignal): Promise<string | undefined> {
    return (await options.endpointReady(signal)) ? options.create(resource, signal) : NOT_READY;
  }

  async function createMissing(
    resource: string,
    record: SubscriptionRecord | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const rival = record?.rival;
    // While the other one is alive nothing is tried: it would only be taken back.
    if (rival?.id && (await api.get(rival.id, signal))) return explainRival(rival.url, urls.notifications);
    return createIfReady(resource, signal);
  }

  /** Coverage is lost. That is stored, with the sweep that it costs, before anything is done about it. */
  async function lost(record: LiveRecord, kind: GapKind): Promise<void> {
    const now = clock.now();
    if (record.gap) return;
    const opened = openGap(record, kind, now, good.get(record.id));
    const why = `${record.resource} was not covered (${kind})`;
    try {
      await store.update((data) => withDebt(withRecord(data, opened), why, now));
    } catch (error) {
      await options.debts.owe(why);
      throw error;
    }
  }

  async function gone(record: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    const { resource, id, expiresAt } = record;
    log('listener.subscription.gone', { resource, id });
    await lost(record, expiresAt <= clock.now() ? 'expired' : 'gone');
    return createIfReady(resource, signal);
  }

  async function replace(record: LiveRecord, kind: GapKind, signal: AbortSignal): Promise<string | undefined> {
    if (kind !== 'replaced') await lost(record, kind);
    // An endpoint that is not ready must not cost us the one that we have.
    if (!(await options.endpointReady(signal))) return NOT_READY;
    if (kind === 'replaced') {
      good.set(record.id, clock.now());
      await lost(record, kind);
    }
    await api.delete(record.id, signal);
    return options.create(record.resource, signal);
  }

  /** Past its end, and yet Graph has it: our clock may be ahead, so it is not deleted before that is known. */
  async function revive(record: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    await lost(record, 'expired');
    const touched = await touch({ ...record, ...store.byResource(record.resource), id: record.id }, 'renew');
    try {
      const asked = askedExpiry(clock.now(), lifetimeMs);
      const renewed = await touching(touched, 'renew', api.renew(record.id, asked, signal));
      if (renewed && renewed.expiresAt > clock.now()) {
        const altered = alteration(renewed, touched, urls, changeType);
        if (altered) return mend(touched, altered, renewed, signal);
        await confirmed({ ...touched, renewedAt: clock.now(), reauthorizeSince: undefined }, renewed);
        return undefined;
      }
    } catch (error) {
      // Where even the shortest life lies too far ahead for Graph, it would take no other one either.
      if (!(error instanceof GraphError) || readTooLong(error)) throw error;
    }
    return replace(touched, 'expired', signal);
  }

  async function mend(
    record: LiveRecord,
    { what, byUs }: Alteration,
    seen: Subscription,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { resource, id } = record;
    log('listener.subscription.altered', { resource, id, what, theirs: seen.notificationUrl });
    const counted = byUs ? record : countAlteration(record, clock.now());
    if (counted) return replace(counted, 'changed', signal);
    await lost(record, 'changed');
    return (
      `Graph shows it with another ${what} than it was made with (it sends to ${seen.notificationUrl}), although it was ` +
      'made anew twice within a day: who else has the secret of this app registration?'
    );
  }

  /** Graph shows it as we want it. A gap that was open is over, whoever mended it. */
  async function confirmed(record: LiveRecord, seen: Subscription): Promise<LiveRecord> {
    const now = clock.now();
    good.set(record.id, now);
    const current = { ...record, expiresAt: seen.expiresAt };
    const { record: closed, gap } = closeGap({ ...current, goodAt: now }, now);
    if (gap) {
      await store.update((data) => withDebt(withRecord(data, closed), `${record.resource} is covered again`, now));
      options.onGapEnded(gap);
      return closed;
    }
    if (seen.expiresAt !== record.expiresAt) await keep(current, 'its expiry');
    return current;
  }

  /** Stores what Graph or memory knows as well: a disk that takes nothing must not cost a renewal. */
  async function keep(record: LiveRecord, what: string): Promise<void> {
    try {
      await store.put(record);
    } catch (error) {
      log('listener.store.unwritten', { resource: record.resource, what, error: messageOf(error) });
    }
  }

  /** The touch is stored before Graph is asked. Where nothing can be stored, memory keeps it for as long as we run. */
  async function touch(record: LiveRecord, by: Touch): Promise<LiveRecord> {
    const touched = touches.note(record, by);
    await keep(touched, `its ${by}`);
    return touched;
  }

  /** A call may be repeated for minutes, and the rest begins with its last try. */
  function touching<T>(record: LiveRecord, by: Touch, call: Promise<T>): Promise<T> {
    return call.finally(() => void touches.note(record, by));
  }

  function mayRenew(record: LiveRecord): boolean {
    const hindrance = touches.hindrance(record, 'renew');
    if (!hindrance) return true;
    const { resource, id, expiresAt } = record;
    if (hindrance === 'rest' && endsSoon(record, clock.now())) {
      // Graph's rest is advice, whose breach costs a refusal at most; what a lapse loses is lost for good.
      log('listener.subscription.rest-broken', { resource, id, expiresAt: iso(expiresAt) });
      return true;
    }
    log('listener.subscription.rested', { resource, id, wanted: 'renew' });
    return false;
  }

  async function renew(record: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    const { resource, id } = record;
    if (!mayRenew(record)) return undefined;
    const touched = await touch(record, 'renew');
    const now = clock.now();
    const asked = askedExpiry(now, lifetimeMs);
    const renewed = await touching(touched, 'renew', api.renew(id, asked, signal));
    if (!renewed) return gone(touched, signal);
    const { expiresAt } = renewed;
    good.set(id, clock.now());
    // Graph has been seen to answer 200 and change nothing. A second is the precision of its times.
    if (expiresAt <= record.expiresAt && asked > record.expiresAt + 1000) {
      log('listener.subscription.expiry-unchanged', { resource, id, expiresAt: iso(expiresAt) });
      const life = record.expiresAt - record.renewedAt;
      if (expiresAt - now < life / 4 || endsSoon(record, now)) return replace(touched, 'replaced', signal);
      return 'Graph accepted the renewal and did not move the expiry';
    }
    const { reauthorizeSince: _, ...rest } = touched;
    const done = clock.now();
    await keep({ ...rest, touchedAt: done, expiresAt, renewedAt: now, goodAt: done }, 'its expiry');
    log('listener.subscription.renewed', { resource, id, expiresAt: iso(expiresAt) });
    return undefined;
  }

  async function reauthorize(record: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    const { resource, id } = record;
    const now = clock.now();
    if (needsRenewalFirst(record, now)) return renew(record, signal);
    const hindrance = touches.hindrance(record, 'reauthorize');
    if (hindrance) {
      if (hindrance === 'rest') log('listener.subscription.rested', { resource, id, wanted: 'reauthorize' });
      return undefined;
    }
    const touched = await touch({ ...record, reauthorizeSince: record.reauthorizeSince ?? now }, 'reauthorize');
    if (!(await touching(touched, 'reauthorize', api.reauthorize(id, signal)))) return gone(touched, signal);
    const { reauthorizeSince: _, ...rest } = touched;
    await keep({ ...rest, touchedAt: clock.now() }, 'its reauthorization');
    log('listener.subscription.reauthorized', { resource, id });
    return undefined;
  }

  return {
    renew,
    reauthorize,
    async lookAfter(resource, signal) {
      const record = store.byResource(resource);
      if (!isLive(record)) return createMissing(resource, record, signal);
      const seen = await api.get(record.id, signal);
      if (!seen) return gone(record, signal);
      if (seen.expiresAt <= clock.now()) return revive(record, signal);
      const altered = alteration(seen, record, urls, changeType);
      if (altered) return mend(record, altered, seen, signal);
      const current = await confirmed(record, seen);
      const problem = await keepUp(current, signal);
      return problem ?? suspicion(current, clock.now());
    },
    async remember() {
      const stale = store.list().flatMap((record) => {
        const at = record.id === null ? undefined : good.get(record.id);
        return at !== undefined && Math.abs(at - (record.goodAt ?? 0)) >= REMEMBER_MS ? [record.resource] : [];
      });
      if (stale.length === 0) return;
      await store.update((data) => ({
        ...data,
        subscriptions: data.subscriptions.map((record) => {
          const at = record.id === null ? undefined : good.get(record.id);
          return at === undefined ? record : { ...record, goodAt: at };
        }),
      }));
    },
  };

  function keepUp(record: LiveRecord, signal: AbortSignal): Promise<string | undefined> {
    if (isDue(record, clock.now())) return renew(record, signal);
    // One that failed, or that a crash came between.
    if (record.reauthorizeSince !== undefined) return reauthorize(record, signal);
    return Promise.resolve(undefined);
  }
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
