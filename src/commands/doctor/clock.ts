import type { CheckName } from './catalogue.js';
import { type Check, fine, remark, skipped, wrong } from './check.js';
import type { Looked } from './look.js';

const WARN_MS = 60_000;
/** Entra refuses a signed assertion, and Graph a token, whose times are off by more than that. */
const FAIL_MS = 5 * 60_000;

/** Our clock against the Date header of whoever answered; `whose` names it. */
export function checkClock(name: CheckName, whose: string, looks: readonly Looked[]): Check[] {
  const dated = looks.find((looked) => looked.kind === 'answered' && looked.date !== undefined);
  if (dated?.kind !== 'answered' || dated.date === undefined) {
    return [skipped(name, `${whose} did not tell the time`, 'compare by hand: timedatectl')];
  }
  // The header has whole seconds, cut off.
  const offMs = dated.at - (dated.date + 500);
  const size = Math.abs(offMs);
  if (size < WARN_MS) return [fine(name, `within a minute of ${whose}`)];
  const saw = `${Math.round(size / 1000)} s ${offMs > 0 ? 'ahead of' : 'behind'} ${whose}`;
  const mend = 'set the clock by NTP: timedatectl set-ntp true; timedatectl timesync-status';
  return [size < FAIL_MS ? remark(name, saw, mend) : wrong(name, saw, mend)];
}
