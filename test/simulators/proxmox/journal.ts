import { type AnsweredCall, type CallJournal, createCallJournal } from '../call-journal.js';

export { type CallMatcher, matches } from '../call-journal.js';

export interface CallRecord extends AnsweredCall {
  /** User or full token id, or undefined before or without a login. */
  readonly authid: string | undefined;
}

export interface Journal extends CallJournal<CallRecord> {
  /** Successful rewrites of user.cfg. */
  readonly writes: number;
  countWrite(): void;
}

export function createJournal(): Journal {
  const calls = createCallJournal<CallRecord>();
  let writes = 0;
  return {
    ...calls,
    get writes() {
      return writes;
    },
    countWrite() {
      writes += 1;
    },
    reset() {
      calls.reset();
      writes = 0;
    },
  };
}
