import { type EventCode, events } from '../../telemetry/events/index.js';
import type { Log } from '../../telemetry/log.js';
import { redactDeep } from '../../telemetry/redact.js';
import type { Io } from '../io.js';

type Level = (typeof events)[EventCode]['level'];

/** What a command says itself, in its answer or as the error that it ends with. */
const SAID_BY_THE_COMMAND: ReadonlySet<EventCode> = new Set([
  'entra.call.failed',
  'entra.group.unknown',
  'entra.outage.began',
  'entra.token.failed',
  'proxmox.rights.missing',
  'reconcile.guard.held',
  'reconcile.identity.conflict',
  'reconcile.problem.began',
  'reconcile.source.unavailable',
  'reconcile.step.failed',
  'reconcile.sweep.failed',
]);

const WEIGHT: Readonly<Record<string, number>> = {
  trace: 0,
  debug: 1,
  info: 2,
  warn: 3,
  error: 4,
  fatal: 5,
  silent: 6,
};
const LABELS: Record<Level, string> = { debug: 'debug', info: 'note', warn: 'warning', error: 'error' };

/**
 * The log of a command that a person waits for: one plain line on standard error for each event, and each line once.
 * What the command says anyway is left out. `level` is LOG_LEVEL; `info`, its default, means warnings here, since a
 * person wants the answer and not the journal of it.
 */
export function createPlainLog(io: Io, level: string): Log {
  const from = WEIGHT[level === 'info' ? 'warn' : level] ?? 0;
  const told = new Set<string>();
  return (event, fields = {}) => {
    const { level: weight, text } = events[event];
    if ((WEIGHT[weight] ?? 0) < from || SAID_BY_THE_COMMAND.has(event)) return;
    const details = Object.entries(redactDeep(fields) as Record<string, unknown>)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const line = [`${LABELS[weight]}: ${text}`, details.join(', ')].filter(Boolean).join(': ');
    if (told.has(line)) return;
    told.add(line);
    // A line of progress may stand there, without an end.
    io.err(io.terminal ? `\r\u001b[2K${line}` : line);
  };
}
