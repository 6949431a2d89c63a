import { type AnsweredCall, type CallJournal, createCallJournal } from '../call-journal.js';

export { type CallMatcher, matches } from '../call-journal.js';

export interface CallRecord extends AnsweredCall {
  /** undefined before or without a login. */
  readonly accessKeyId: string | undefined;
}

export type Journal = CallJournal<CallRecord>;

export function createJournal(): Journal {
  return createCallJournal();
}
