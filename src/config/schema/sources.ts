import { defaulted, optional } from '../setting.js';
import { duration } from '../types/duration.js';
import { words } from '../types/lists.js';
import { valueType } from '../value-type.js';

/** How we hear of changes. */
export const CHANGE_SOURCES = ['webhook', 'eventhub', 'poll'] as const;

export type ChangeSource = (typeof CHANGE_SOURCES)[number];

const changeSources = valueType('webhook, eventhub, poll, or several separated by commas', (text, wrong) => {
  const entries = words(text.toLowerCase());
  const known = CHANGE_SOURCES.filter((source) => entries.includes(source));
  const unknown = entries.filter((entry) => !CHANGE_SOURCES.some((source) => source === entry));
  if (unknown.length > 0) return wrong(`webhook, eventhub or poll; not so: ${unknown.slice(0, 5).join(' ')}`);
  return known.length > 0 ? known : wrong();
});

const DAY_MS = 86_400_000;

/** Where changes are heard of, and how soon what nobody told is found. */
export const sourceSettings = {
  CHANGE_SOURCE: optional(changeSources, {
    about:
      'How changes are heard of: webhook (Graph calls PUBLIC_URL), eventhub, poll (outbound only: delta queries every POLL_INTERVAL), or several. Without it webhook where PUBLIC_URL is set, and catch-up alone where it is not.',
    example: 'poll',
  }),
  CATCHUP_INTERVAL: defaulted(duration({ minMs: 1000, maxMs: DAY_MS }), '5m', {
    about: 'How often Graph is asked for what changed since, whatever was told meanwhile: two calls a round.',
    example: '2m',
  }),
  POLL_INTERVAL: defaulted(duration({ minMs: 1000, maxMs: DAY_MS }), '60s', {
    about: 'The same where poll is among CHANGE_SOURCE; the shorter of the two counts then.',
    example: '30s',
  }),
};
