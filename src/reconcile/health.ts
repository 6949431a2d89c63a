import type { Clock } from '../domain/clock.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Something that is wrong with a whole source, target or store, since when, and what mends it. */
export interface Condition {
  /** `graph`, `login`, `group:<id>`, …; before the colon is one of few words, for metrics. */
  condition: string;
  detail: string;
  /** Epoch ms; stays while the condition lasts, whatever its wording. */
  since: number;
  mend?: string | undefined;
}

export interface Note {
  detail: string;
  mend?: string | undefined;
  /** Epoch ms, where it is known better than by now being told of it. */
  since?: number | undefined;
}

/**
 * What hinders a whole source or target, in words, by its name; for status, health, log and metrics. A map of the words,
 * which also knows since when each lasts. Its begin and its end are logged.
 */
export interface Problems extends Map<string, string> {
  /** As `set`, with what mends it. */
  note(condition: string, note: Note): void;
  /** The oldest first. */
  list(): Condition[];
}

export interface ProblemsOptions {
  clock: Pick<Clock, 'now'>;
  log: Log;
  metrics: Pick<Metrics, 'problems' | 'problemSinceSeconds'>;
}

/** A problem that is told again so soon after its end never ended: some are looked at anew by each sweep. */
const LINGERS_MS = 10_000;

/** None yet. */
export function createProblems({ clock, log, metrics }: ProblemsOptions): Problems {
  const words = new Map<string, string>();
  const facts = new Map<string, { since: number; mend: string | undefined }>();
  const ended = new Map<string, { since: number; at: number }>();
  const setWords = words.set.bind(words);
  const deleteWords = words.delete.bind(words);

  function beganBefore(condition: string, now: number): number | undefined {
    const past = ended.get(condition);
    ended.delete(condition);
    return past && now - past.at <= LINGERS_MS ? past.since : undefined;
  }

  function note(condition: string, { detail, mend, since }: Note): void {
    const known = facts.get(condition);
    const now = clock.now();
    const begun = known?.since ?? beganBefore(condition, now) ?? Math.min(since ?? now, now);
    facts.set(condition, { since: begun, mend });
    setWords(condition, detail);
    if (known) return;
    log('reconcile.problem.began', { condition, detail, mend });
    measure(condition);
  }

  function end(condition: string): boolean {
    const known = facts.get(condition);
    if (!known) return false;
    const now = clock.now();
    facts.delete(condition);
    ended.set(condition, { since: known.since, at: now });
    log('reconcile.problem.ended', { condition, lastedMs: Math.max(0, now - known.since) });
    deleteWords(condition);
    measure(condition);
    return true;
  }

  function measure(condition: string): void {
    const kind = kindOf(condition);
    const since = [...facts].filter(([name]) => kindOf(name) === kind).map(([, fact]) => fact.since);
    metrics.problems.set({ condition: kind }, since.length);
    metrics.problemSinceSeconds.set({ condition: kind }, since.length > 0 ? Math.min(...since) / 1000 : 0);
  }

  return Object.assign(words, {
    note,
    set(condition: string, detail: string) {
      note(condition, { detail });
      return words;
    },
    delete: end,
    clear() {
      for (const condition of [...facts.keys()]) end(condition);
    },
    list: () =>
      [...words]
        .map(([condition, detail]) => ({ condition, detail, since: 0, mend: undefined, ...facts.get(condition) }))
        .sort((a, b) => a.since - b.since),
  });
}

function kindOf(condition: string): string {
  return condition.split(':')[0] ?? condition;
}
