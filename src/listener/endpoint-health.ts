import { messageOf } from '../domain/errors.js';
import type { HintSink } from '../queue/queue.js';
import type { Log } from '../telemetry/log.js';
import { ALARM_MS, type AnswerTimes, type AnswerTimesView } from './answer-times.js';

/** The endpoint as it is told: instants are ISO 8601 in UTC, times in milliseconds. */
export interface EndpointView {
  /** Of the last ten minutes, to Graph alone. */
  answers: number;
  p99Ms?: number | undefined;
  slowestMs?: number | undefined;
  over2s: number;
  over3s: number;
  over10s: number;
  /** How Graph would treat us by its rules. */
  standing: AnswerTimesView['standing'];
  since?: string | undefined;
  /** Until when notifications come late or are lost, at least. */
  until?: string | undefined;
  /** How many ranges the allow-list holds; undefined: everybody may knock. */
  allowList?: number | undefined;
}

/** What is told to operators. */
export function endpointView(view: AnswerTimesView, allowed: number): EndpointView {
  return {
    ...view,
    since: iso(view.since),
    until: iso(view.until),
    allowList: allowed > 0 ? allowed : undefined,
  };
}

/** In words, what is wrong with how we answer; undefined: nothing. */
export function endpointProblem({ standing, since, until, ...seen }: EndpointView): string | undefined {
  const share = `of ${seen.answers} answers in the last ten minutes ${seen.over3s} took over 3 s and ${seen.over10s} over 10 s`;
  switch (standing) {
    case 'well':
      return undefined;
    case 'slow':
      return `our answers are slow: by its rules Graph holds notifications back for ten minutes, since ${since} (${share})`;
    case 'dropping':
      return `our answers are too slow: by its rules Graph drops notifications, since ${since}; a sweep follows at ${until} (${share})`;
    default:
      return standing satisfies never;
  }
}

/** One line on the answers, whatever they are like. */
export function endpointLine({ answers, p99Ms, over2s, allowList, standing, since }: EndpointView): string {
  const count = answers === 0 ? 'no notification in the last 10 minutes' : `${answers} in the last 10 minutes`;
  const times = answers === 0 ? '' : `, p99 ${p99Ms} ms, ${over2s} over ${ALARM_MS / 1000} s`;
  const graph = standing === 'well' ? '' : `; Graph would consider us ${standing} since ${since}`;
  return `${count}${times}${graph}${allowList === undefined ? '' : `; only the ${allowList} ranges of GRAPH_ADDRESSES may knock`}`;
}

/**
 * Puts the sweep that is owed once Graph may have dropped notifications. Call it every few seconds; what cannot be
 * stored is tried again at the next call.
 */
export async function makeUpForDropped(answers: AnswerTimes, hints: HintSink, log: Log): Promise<void> {
  if (answers.owesSweep() && (await putSweep(hints, log))) answers.sweepPut();
}

/** Whether a sweep could be stored; tells where it could not. */
export async function putSweep(hints: HintSink, log: Log): Promise<boolean> {
  try {
    await hints.put('sweep');
    return true;
  } catch (error) {
    log('listener.sweep.unstored', { error: messageOf(error) });
    return false;
  }
}

function iso(epochMs: number | undefined): string | undefined {
  return epochMs === undefined ? undefined : new Date(epochMs).toISOString();
}
