/** What must hold over all the months. The texts are an interface: they stand in the last line of output. */
export const INVARIANTS = [
  'coverage holds while both sides are up',
  'a sweep follows every lapse',
  'one subscription per resource',
  'documented call rates',
  'own call budget',
  'renewal and reauthorisation apart',
  'no orphan stays',
  'nobody else is touched',
  'no quarrel with a rival',
  'every change reaches the queue',
  'the store stays small',
  'nothing breaks',
] as const;

export type Invariant = (typeof INVARIANTS)[number];

export interface Violation {
  invariant: Invariant;
  /** ISO 8601, virtual time. */
  at: string;
  what: string;
}

export interface Violations {
  add(invariant: Invariant, what: string): void;
  /** The first few of each kind, in order. */
  list(): readonly Violation[];
  counts(): Partial<Record<Invariant, number>>;
}

const KEPT_OF_EACH = 5;

export function createViolations(now: () => number): Violations {
  const kept: Violation[] = [];
  const counts: Partial<Record<Invariant, number>> = {};
  return {
    add(invariant, what) {
      const count = (counts[invariant] ?? 0) + 1;
      counts[invariant] = count;
      if (count <= KEPT_OF_EACH) kept.push({ invariant, at: new Date(now()).toISOString(), what });
    },
    list: () => kept,
    counts: () => ({ ...counts }),
  };
}
