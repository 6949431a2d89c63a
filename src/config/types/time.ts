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
