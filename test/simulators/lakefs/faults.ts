import { type CallMatcher, type CallRecord, matches } from './journal.js';

/** What happens to a call instead of, or before, its ordinary answer. */
export type Fault =
  /** Any status; without a message it has no body. */
  | { kind: 'fail'; status: number; message: string | undefined }
  /** Waits before the call is looked at. */
  | { kind: 'stall'; ms: number }
  /** Ends the connection, before anything was done, or after the call did its work. */
  | { kind: 'drop'; when: 'before' | 'after' }
  /** A listing says that there is more, with an offset that does not advance. */
  | { kind: 'stuck-offset' }
  /** 200 with text that is none of lakeFS's. */
  | { kind: 'nonsense'; text: string }
  /** Sends the client somewhere else. */
  | { kind: 'redirect'; location: string };

/** Switches for misbehaviour. Every fault ends after `times` calls that it met. */
export interface Faults {
  failNext(matcher: CallMatcher, answer: { status: number; message?: string }, times?: number): void;
  stall(ms: number, matcher?: CallMatcher, times?: number): void;
  dropNext(matcher?: CallMatcher, times?: number, when?: 'before' | 'after'): void;
  stickOffset(matcher?: CallMatcher, times?: number): void;
  answerNonsense(text: string, matcher?: CallMatcher, times?: number): void;
  redirect(location: string, matcher?: CallMatcher, times?: number): void;
  clear(): void;
}

/** What the server asks of the faults. */
export interface ArmedFaults {
  /** The faults that this call meets, in the order they were armed; each loses one of its times. */
  take(call: Pick<CallRecord, 'method' | 'template' | 'path'>): Fault[];
}

export function createFaults(): Faults & ArmedFaults {
  let armed: { matcher: CallMatcher; fault: Fault; left: number }[] = [];
  const arm = (matcher: CallMatcher, fault: Fault, times: number): void => {
    armed.push({ matcher, fault, left: times });
  };
  return {
    failNext: (matcher, { status, message }, times = 1) => arm(matcher, { kind: 'fail', status, message }, times),
    stall: (ms, matcher = {}, times = 1) => arm(matcher, { kind: 'stall', ms }, times),
    dropNext: (matcher = {}, times = 1, when = 'before') => arm(matcher, { kind: 'drop', when }, times),
    stickOffset: (matcher = {}, times = Number.POSITIVE_INFINITY) => arm(matcher, { kind: 'stuck-offset' }, times),
    answerNonsense: (text, matcher = {}, times = 1) => arm(matcher, { kind: 'nonsense', text }, times),
    redirect: (location, matcher = {}, times = 1) => arm(matcher, { kind: 'redirect', location }, times),
    clear() {
      armed = [];
    },
    take(call) {
      const matching = armed.filter((entry) => matches(entry.matcher, call));
      // A call is slow and has one fate besides; the next call meets the next one.
      const fate = matching.find(({ fault }) => fault.kind !== 'stall');
      const met = matching.filter((entry) => entry.fault.kind === 'stall' || entry === fate);
      for (const entry of met) entry.left -= 1;
      armed = armed.filter((entry) => entry.left > 0);
      return met.map((entry) => entry.fault);
    },
  };
}
