import { events } from './index.js';

/** The catalogue of events as a Markdown page: what docs/events.md holds, and a test compares. */
export function renderEventCatalogue(): string {
  const rows = Object.entries(events)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { level, text }]) => `| \`${code}\` | ${level} | ${text} |`);
  return [
    '# Events',
    '',
    'Every line of the log carries an event code in `event`. Codes are an interface: alert on them, not on the text.',
    'What varies stands in fields beside it: `oid`, `upn`, `target`, `error` and the like. Secrets never appear.',
    '',
    '| code | level | text |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
