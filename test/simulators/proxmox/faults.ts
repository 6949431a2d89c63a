import { type CallMatcher, type CallRecord, matches } from './journal.js';

/** What happens to a call instead of, or before, its ordinary answer. */
export type Fault =
  /** Any status with any text; a body as the API writes it, unless `bodiless`. */
  | { kind: 'fail'; status: number; text: string; bodiless?: boolean }
  /** Waits before the call is looked at. */
  | { kind: 'stall'; ms: number }
  /** Ends the connection, before anything was done, or after the call did its work. */
  | { kind: 'drop'; when: 'before' | 'after' }
  /** 200 with an empty list. */
  | { kind: 'empty' };

/** Switches for misbehaviour. Every fault ends after `times` calls that it met. */
export interface Faults {
  failNext(matcher: CallMatcher, answer: { status: number; text: string; bodiless?: boolean }, times?: number): void;
  stall(ms: number, matcher?: CallMatcher, times?: number): void;
  dropNext(matcher?: CallMatcher, times?: number, when?: 'before' | 'after'): void;
  emptyList(matcher: CallMatcher, times?: number): void;
  /** Every read and every write of user.cfg takes this long, until `clear`. */
  slow(delays: { readMs?: number; writeMs?: number }): void;
  /** The node lost its cluster: every write fails, until told otherwise. */
  loseQuorum(lost: boolean): void;
  /** Another node keeps the lock on user.cfg until the returned function is called. */
  holdLock(): Promise<() => void>;
  /** Ends all faults; a held lock stays held. */
  clear(): void;
}

/** What the server asks of the faults. */
export interface ArmedFaults {
  /** The faults that this call meets, in the order they were armed; each loses one of its times. */
  take(call: Pick<CallRecord, 'method' | 'template' | 'path'>): Fault[];
  readonly readMs: number;
  readonly writeMs: number;
  readonly quorumLost: boolean;
}

export function createFaults(holdLock: () => Promise<() => void>): Faults & ArmedFaults {
  let armed: { matcher: CallMatcher; fault: Fault; left: number }[] = [];
  let readMs = 0;
  let writeMs = 0;
  let quorumLost = false;

  function arm(matcher: CallMatcher, fault: Fault, times: number): void {
    armed.push({ matcher, fault, left: times });
  }

  return {
    failNext: (matcher, answer, times = 1) => arm(matcher, { kind: 'fail', ...answer }, times),
    stall: (ms, matcher = {}, times = 1) => arm(matcher, { kind: 'stall', ms }, times),
    dropNext: (matcher = {}, times = 1, when = 'before') => arm(matcher, { kind: 'drop', when }, times),
    emptyList: (matcher, times = 1) => arm(matcher, { kind: 'empty' }, times),
    slow(delays) {
      readMs = delays.readMs ?? 0;
      writeMs = delays.writeMs ?? 0;
    },
    loseQuorum(lost) {
      quorumLost = lost;
    },
    holdLock,
    clear() {
      armed = [];
      readMs = 0;
      writeMs = 0;
      quorumLost = false;
    },
    take(call) {
      const met = armed.filter((entry) => matches(entry.matcher, call));
      for (const entry of met) entry.left -= 1;
      armed = armed.filter((entry) => entry.left > 0);
      return met.map((entry) => entry.fault);
    },
    get readMs() {
      return readMs;
    },
    get writeMs() {
      return writeMs;
    },
    get quorumLost() {
      return quorumLost;
    },
  };
}
