import fc from 'fast-check';

/** How long and from which seed; `path` repeats one failing case. */
export interface FuzzParameters {
  seed: number;
  numRuns?: number;
  path?: string;
  /** No run is begun after so many ms. */
  limitMs?: number;
}

/** Something that hostile input reaches. */
export interface FuzzTarget {
  name: string;
  /** What must hold whatever comes in, as a sentence. */
  holds: string;
  /** Runs of the short, fixed round that every `npm test` has. */
  runs: number;
  open(): Promise<OpenFuzz>;
}

export interface OpenFuzz {
  /** Rejects with the smallest input found that breaks what must hold, its seed and its path. */
  check(parameters: FuzzParameters): Promise<void>;
  close(): Promise<void>;
}

/** No single input may take longer: that would be a hang. */
const INPUT_LIMIT_MS = 10_000;

/** A check of `property` for every input that `arbitrary` makes. */
export function checkOf<T>(arbitrary: fc.Arbitrary<T>, property: (input: T) => Promise<void>): OpenFuzz['check'] {
  return async ({ seed, numRuns, path, limitMs }) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, property).beforeEach(() => undefined),
      {
        seed,
        numRuns: numRuns ?? 1_000_000,
        timeout: INPUT_LIMIT_MS,
        ...(path === undefined ? {} : { path, endOnFailure: true }),
        ...(limitMs === undefined ? {} : { interruptAfterTimeLimit: limitMs, markInterruptAsFailure: false }),
      },
    );
  };
}

/** Fails with what was expected and what came, as a test would. */
export function must(condition: boolean, what: string, ...seen: unknown[]): asserts condition {
  if (!condition) throw new Error([what, ...seen.map((value) => JSON.stringify(value)?.slice(0, 2000))].join(' '));
}
