import { type DestinationStream, type Logger, pino } from 'pino';
import { type EventCode, events } from './events/index.js';
import { redactDeep } from './redact.js';

/** Logs one event of the catalogue; the text is static, what varies goes into `fields`. */
export type Log = (event: EventCode, fields?: Record<string, unknown>) => void;

/** A pino logger behind the catalogue. Secrets registered with `redact.ts` never get through, nor do token-like keys. */
export function createLog(logger: Logger): Log {
  return (event, fields = {}) => {
    const { level, text } = events[event] as { level: 'debug' | 'info' | 'warn' | 'error'; text: string };
    logger[level]({ ...(redactDeep(fields) as object), event }, text);
  };
}

/** JSON lines to each of the destinations: stdout (the journal takes them from there), a file beside the audit log. */
export function createPino(level: string, ...destinations: readonly DestinationStream[]): Logger {
  const options = { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime };
  // Whatever passes the logger's level passes to every stream.
  return pino(options, pino.multistream(destinations.map((stream) => ({ stream, level: 'trace' }))));
}
