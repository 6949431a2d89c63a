import { unlessInterrupted } from './interrupts.js';
import { poll } from './poll.js';
import type { Step } from './script.js';
import type { Sighting } from './sighting.js';

/** How one step went. */
export interface StepResult {
  name: string;
  ok: boolean;
  /** From the change until the last target showed it, or until the patience was over. */
  seconds: number;
  sightings: Sighting[];
  /** What a command of Entramox said. */
  lines: string[];
  /** What broke the step besides what was seen. */
  problem?: string;
  /** What people did after it. */
  note?: string;
}

export interface PlayOptions {
  deadlineMs: number;
  signal: AbortSignal;
  /** True once waiting makes no sense any more. */
  isHopeless(): boolean;
}

/** Plays one step. Rejects only when interrupted. */
export async function playStep(step: Step, { deadlineMs, signal, isHopeless }: PlayOptions): Promise<StepResult> {
  const result: StepResult = { name: step.name, ok: false, seconds: 0, sightings: [], lines: [] };
  let start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  try {
    await step.prepare?.();
    const before = await unlessInterrupted(step.look(), signal);
    start = performance.now();
    // Looked at while a command still runs: the clock stops when the target shows it, not when the command ends.
    const acting = step.act().then(
      (lines) => ({ lines }),
      (error: unknown) => ({ lines: [], error }),
    );
    const enough = (seen: Sighting[]) => isHopeless() || allFine(seen);
    const { seen } = await poll(() => step.look(), enough, { deadlineMs, signal });
    result.sightings = seen;
    result.seconds = elapsed();
    const acted = await unlessInterrupted(acting, signal);
    result.lines = acted.lines;
    if ('error' in acted) throw acted.error;
    result.sightings = [...seen, ...(step.judge?.(acted.lines) ?? [])];
    if (isHopeless()) throw new Error('Entramox is not running any more');
    if (allFine(before)) throw new Error('the targets were like this before it happened, which proves nothing');
    result.ok = allFine(result.sightings);
    if (result.ok) result.note = await step.afterwards?.();
  } catch (error) {
    signal.throwIfAborted();
    result.seconds ||= elapsed();
    result.ok = false;
    result.problem = error instanceof Error ? error.message : String(error);
  }
  return result;
}

function allFine(sightings: readonly Sighting[]): boolean {
  return sightings.length > 0 && sightings.every(({ ok }) => ok);
}

/** What was observed, in one line. */
export function observedIn({ sightings, problem }: StepResult): string {
  const seen = sightings.map((sighting) => `${sighting.where}: ${sighting.seen}`);
  return [...seen, ...(problem ? [`problem: ${problem}`] : [])].join('; ');
}
