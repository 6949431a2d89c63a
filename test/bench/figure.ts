import { loadavg } from 'node:os';
import { round } from './statistics.js';

export const BENCHES = [
  'intake',
  'leaver-warm',
  'leaver-cold',
  'sweep-noop-1000',
  'sweep-noop-5000',
  'sweep-create-500',
  'lakefs-first-200x1000',
  'lakefs-noop-200x1000',
] as const;

export type BenchName = (typeof BENCHES)[number];

/** What one benchmark found: the product's figure and, from the same minute, what the bare work costs. */
export interface Figure {
  value: number;
  unit: string;
  reference: number;
  /** Everything else worth knowing; names carry their units. */
  details: Record<string, number | string>;
}

/** One line of output. `skipped`: why there is no figure here. */
export type Line =
  | ({ bench: BenchName; value: number; unit: string; reference: number; ratio: number } & Record<string, unknown>)
  | { bench: BenchName; skipped: string };

/** The line of a figure; `ratio` is value over reference. The load average tells how quiet the machine was. */
export function lineOf(bench: BenchName, figure: Figure, quick: boolean): Line {
  const { value, unit, reference, details } = figure;
  return {
    bench,
    value,
    unit,
    reference,
    ratio: round(value / reference, 2),
    ...details,
    loadAverage: round(loadavg()[0] ?? 0),
    ...(quick ? { quick: true } : {}),
  };
}
