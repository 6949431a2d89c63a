import { validate } from 'node-cron';
import { type ValueType, valueType } from '../value-type.js';

/** A cron expression as node-cron takes it. */
export function cron(): ValueType<string> {
  return valueType('a cron expression of five fields (minute hour day month weekday)', (text, wrong) =>
    validate(text) ? text : wrong(),
  );
}

/** An IANA time zone; the leading colon of POSIX is dropped. */
export function timeZone(): ValueType<string> {
  return valueType('an IANA time zone', (text, wrong) => {
    const zone = text.replace(/^:/, '');
    return isTimeZone(zone) ? zone : wrong();
  });
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** A day or an instant (ISO 8601) at which something ends, as epoch ms. A day alone ends with its first moment, in UTC. */
export function expiry(): ValueType<number> {
  return valueType('a day such as 2027-11-22, or an instant such as 2027-11-22T09:00:00Z', (text, wrong) => {
    const form = /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/.exec(text);
    const epochMs = Date.parse(text);
    if (!form || Number.isNaN(epochMs)) return wrong();
    const [, year, month, day] = form.map(Number);
    // Date.parse takes 30 February for 1 March.
    const lastDay = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
    return (day ?? 0) <= lastDay ? epochMs : wrong();
  });
}
