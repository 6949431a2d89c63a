/** Events of the queue. Codes are an interface: alerts match on them. */
export const queueEvents = {
  'queue.opened': { level: 'info', text: 'the spool is open' },
  'queue.recovered': {
    level: 'info',
    text: 'keys that were being worked on when the last run ended are pending again',
  },
  'queue.name.rejected': { level: 'warn', text: 'something that is not a hint was found in the spool and put aside' },
  'queue.later.broken': { level: 'warn', text: 'the retry state of a key is unreadable; the key is due now' },
  'queue.state.unwritable': {
    level: 'error',
    text: 'the state of a key could not be stored; it is kept in memory only',
  },
  'queue.claim.failed': { level: 'error', text: 'a key could not be moved into work; it is tried again later' },
  'queue.scan.failed': { level: 'error', text: 'the spool could not be read' },
  'queue.scan.truncated': { level: 'warn', text: 'the spool holds more names than are read in one scan' },
  'queue.watch.unavailable': {
    level: 'warn',
    text: 'the spool cannot be watched; new hints are found by the slow scan',
  },
  'queue.parked': { level: 'error', text: 'a key failed too often and is parked' },
  'queue.unparked': { level: 'info', text: 'a new hint brought a parked key back' },
} as const;
