import { type ValueType, valueType } from '../value-type.js';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const FORM = 'a duration such as 500ms, 30s, 5m, 24h or 7d';
const LONGEST_MS = 3650 * UNIT_MS.d;

interface Limits {
  minMs?: number;
  maxMs?: number;
}

/** A duration with its unit, in milliseconds. A bare number is refused: nobody can tell what it counts. */
export function duration({ minMs = 0, maxMs = LONGEST_MS }: Limits = {}): ValueType<number> {
  return valueType(expectedDuration(minMs, maxMs), (text, wrong) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : wrong();
  });
}

/** One or more durations, separated by commas or spaces, in milliseconds and in ascending order. */
export function durationList(): ValueType<readonly number[]> {
  return valueType('durations separated by commas, such as 30s,5m', (text, wrong) => {
    const items = text.split(/[\s,]+/).filter(Boolean);
    const parsed = items.map(parseDuration).filter((ms) => ms !== undefined && ms <= LONGEST_MS) as number[];
    return parsed.length === items.length ? [...new Set(parsed)].sort((a, b) => a - b) : wrong();
  });
}

/** The duration as one would write it: the largest unit that leaves nothing over. */
export function formatDuration(ms: number): string {
  const units = ['d', 'h', 'm', 's'] as const;
  const unit = units.find((candidate) => ms >= UNIT_MS[candidate] && ms % UNIT_MS[candidate] === 0) ?? 'ms';
  return `${ms / UNIT_MS[unit]}${unit}`;
}

function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,12})\s*(ms|s|m|h|d)$/i.exec(text);
  if (!match) return undefined;
  const unit = match[2]?.toLowerCase() as keyof typeof UNIT_MS;
  return Number(match[1]) * UNIT_MS[unit];
}

function expectedDuration(minMs: number, maxMs: number): string {
  const bounds = [
    ...(minMs > 0 ? [`at least ${formatDuration(minMs)}`] : []),
    ...(maxMs < LONGEST_MS ? [`at most ${formatDuration(maxMs)}`] : []),
  ];
  return bounds.length > 0 ? `${FORM}, ${bounds.join(' and ')}` : FORM;
}
