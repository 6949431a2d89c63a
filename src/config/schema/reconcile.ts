import { defaulted, optional } from '../setting.js';
import { duration, durationList } from '../types/duration.js';
import { boolean, choice, integer, percent } from '../types/scalars.js';
import { cron, timeZone } from '../types/time.js';

/** When and how carefully changes are applied. */
export const reconcileSettings = {
  DRY_RUN: defaulted(boolean(), 'false', {
    about: 'Plan everything, write nothing anywhere.',
    example: 'true',
  }),
  FIRST_RUN: defaulted(choice('plan', 'apply'), 'plan', {
    about:
      'On a host where nothing was ever applied: plan, and write nothing before "entramox approve" of that plan; or apply at once, which is the default where lakeFS is the only target.',
    example: 'apply',
  }),
  SWEEP_CRON: defaulted(cron(), '15 2 * * *', {
    about: 'When everything is read and brought true, and due deletions are done.',
    example: '0 */6 * * *',
  }),
  TZ: optional(timeZone(), {
    about: "Time zone of the cron expressions. Without it, the machine's.",
    example: 'Europe/London',
  }),
  DELETE_AFTER: defaulted(duration({ minMs: 1000 }), '24h', {
    about: 'Grace: how long a leaver stays locked before a sweep deletes it.',
    example: '7d',
  }),
  CONFIRM_BEFORE_LOCK: defaulted(duration({ maxMs: 3_600_000 }), '5s', {
    about: 'A lock without positive evidence needs two agreeing readings at least this far apart.',
    example: '10s',
  }),
  CONFIRM_AFTER: defaulted(durationList(), '30s,5m', {
    about: 'When an identity is looked at again after a change, since Graph is eventually consistent.',
    example: '30s,2m,10m',
  }),
  QUEUE_MAX_ATTEMPTS: defaulted(integer(1, 1000), '10', {
    about: 'Failed attempts after which a key is parked with its error, to be shown by status.',
    example: '20',
  }),
};

/** How much may be taken away before a person has to agree. */
export const guardSettings = {
  GUARD_WINDOW: defaulted(duration({ minMs: 1000, maxMs: 7 * 86_400_000 }), '1h', {
    about: 'Sliding window in which removals are counted together.',
    example: '2h',
  }),
  GUARD_MAX_LOCKS: defaulted(integer(0, 1_000_000), '10', {
    about:
      'Locks and lost rights are held for approval above the larger of this count and the share below, in each target by itself. 0: every one is held, whatever the share says.',
    example: '20',
  }),
  GUARD_MAX_LOCKS_PERCENT: defaulted(percent(), '25', {
    about: 'The same as a share of the identities that we own in the target. 0: the count stands alone.',
    example: '10',
  }),
  GUARD_MAX_DELETES: defaulted(integer(0, 1_000_000), '5', {
    about:
      'Deletions are held for approval above the larger of this count and the share below, in each target by itself. 0: every one is held, whatever the share says.',
    example: '2',
  }),
  GUARD_MAX_DELETES_PERCENT: defaulted(percent(), '5', {
    about: 'The same as a share of the identities that we own in the target. 0: the count stands alone.',
    example: '1',
  }),
  GUARD_REJECT_FOR: defaulted(duration({ minMs: 1000, maxMs: 90 * 86_400_000 }), '7d', {
    about:
      'How long people whose removal an operator rejected are kept as they are before the same plan is held again.',
    example: '24h',
  }),
};
