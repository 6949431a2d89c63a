import type { Clock } from '../domain/clock.js';

/** How Graph would treat an endpoint that answers as we do. */
export type Standing = 'well' | 'slow' | 'dropping';

/** The answers to Graph of the last ten minutes, and what Graph makes of them. Instants in epoch ms. */
export interface AnswerTimesView {
  answers: number;
  /** Rounded up by at most a fifth; undefined without answers. */
  p99Ms: number | undefined;
  slowestMs: number | undefined;
  over2s: number;
  over3s: number;
  over10s: number;
  standing: Standing;
  /** Since when it is not `well`. */
  since: number | undefined;
  /** Until when Graph would delay or drop, at least. */
  until: number | undefined;
}

export interface AnswerTimes {
  record(durationMs: number): void;
  /** Lets time pass: windows end whether or not anybody calls. */
  view(): AnswerTimesView;
  /** Graph may have dropped notifications, its window is over, and nobody has made up for them yet. */
  owesSweep(): boolean;
  /** A sweep was put that makes up for them. */
  sweepPut(): void;
}

export interface AnswerTimesOptions {
  /** For the instants that are told. */
  clock: Pick<Clock, 'now'>;
  /** For the windows: milliseconds that only grow, so that a clock which is set neither keeps nor ends one. */
  monotonicMs: () => number;
  onStanding?: ((view: AnswerTimesView) => void) | undefined;
}

/** What we want to stay below ourselves: a second of margin to what Graph calls slow. */
export const ALARM_MS = 2_000;
// Graph, change-notifications-delivery-webhooks (April 2026): more than 10 % of the answers in ten minutes over 3 s, and
// new notifications come ten minutes late; more than 15 % over the retry time-out of 10 s, and they are lost, each time
// for ten minutes. An older text judges only after 100 notifications; that is not relied upon: to fear too much costs a
// sweep, to fear too little costs what was lost.
const SLOW_MS = 3_000;
const SLOW_SHARE = 0.1;
const DROP_MS = 10_000;
const DROP_SHARE = 0.15;
const WINDOW_MS = 600_000;

/** Answers are counted in slots of time and classes of duration: bounded, however many there are. */
const SLOT_MS = 10_000;
const CLASSES_PER_DOUBLING = 4;
const CLASSES = 80;

interface Slot {
  index: number;
  classes: Uint32Array;
  answers: number;
  over2s: number;
  over3s: number;
  over10s: number;
  slowestMs: number;
}

/** Watches our own answers with the eyes of Graph. Only answers to notifications of Graph are to be recorded. */
export function createAnswerTimes({
  clock,
  monotonicMs,
  onStanding = () => undefined,
}: AnswerTimesOptions): AnswerTimes {
  let slots: Slot[] = [];
  let standing: Standing = 'well';
  let since: number | undefined;
  let until: number | undefined;
  let owed = false;

  function slotAt(now: number): Slot {
    const index = Math.floor(now / SLOT_MS);
    const last = slots.at(-1);
    if (last?.index === index) return last;
    const slot = {
      index,
      classes: new Uint32Array(CLASSES),
      answers: 0,
      over2s: 0,
      over3s: 0,
      over10s: 0,
      slowestMs: 0,
    };
    slots.push(slot);
    return slot;
  }

  function forget(now: number): void {
    const oldest = Math.floor((now - WINDOW_MS) / SLOT_MS);
    slots = slots.filter(({ index }) => index > oldest);
  }

  function seen(): Standing {
    const answers = sum('answers');
    if (answers === 0) return 'well';
    if (sum('over10s') / answers > DROP_SHARE) return 'dropping';
    return sum('over3s') / answers > SLOW_SHARE ? 'slow' : 'well';
  }

  function sum(what: 'answers' | 'over2s' | 'over3s' | 'over10s'): number {
    return slots.reduce((total, slot) => total + slot[what], 0);
  }

  function judge(now: number): void {
    forget(now);
    const isOver = until !== undefined && now >= until;
    if (isOver && standing === 'dropping') owed = true;
    const found = seen();
    const next = isOver || isWorse(found, standing) ? found : standing;
    if (next === standing && !isOver) return;
    const before = standing;
    standing = next;
    until = next === 'well' ? undefined : now + WINDOW_MS;
    if (next === before) return;
    since = next === 'well' ? undefined : clock.now();
    onStanding(viewAt(now));
  }

  function viewAt(now: number): AnswerTimesView {
    const slowestMs = Math.max(0, ...slots.map((slot) => slot.slowestMs));
    const answers = sum('answers');
    return {
      answers,
      p99Ms: answers === 0 ? undefined : Math.min(percentileOf(slots, answers), slowestMs),
      slowestMs: answers === 0 ? undefined : slowestMs,
      over2s: sum('over2s'),
      over3s: sum('over3s'),
      over10s: sum('over10s'),
      standing,
      since,
      until: until === undefined ? undefined : clock.now() + (until - now),
    };
  }

  return {
    record(durationMs) {
      const now = monotonicMs();
      const slot = slotAt(now);
      const index = classOf(durationMs);
      slot.classes[index] = (slot.classes[index] ?? 0) + 1;
      slot.answers += 1;
      if (durationMs > ALARM_MS) slot.over2s += 1;
      if (durationMs > SLOW_MS) slot.over3s += 1;
      if (durationMs > DROP_MS) slot.over10s += 1;
      slot.slowestMs = Math.max(slot.slowestMs, Math.ceil(durationMs));
      judge(now);
    },
    view() {
      const now = monotonicMs();
      judge(now);
      return viewAt(now);
    },
    owesSweep() {
      judge(monotonicMs());
      return owed;
    },
    sweepPut() {
      owed = false;
    },
  };
}

const RANK: Record<Standing, number> = { well: 0, slow: 1, dropping: 2 };

function isWorse(one: Standing, other: Standing): boolean {
  return RANK[one] > RANK[other];
}

function classOf(durationMs: number): number {
  return Math.min(CLASSES - 1, Math.floor(Math.log2(Math.max(1, durationMs)) * CLASSES_PER_DOUBLING));
}

function percentileOf(slots: readonly Slot[], answers: number): number {
  let left = Math.ceil(answers * 0.99);
  for (let index = 0; index < CLASSES; index += 1) {
    left -= slots.reduce((total, { classes }) => total + (classes[index] ?? 0), 0);
    if (left <= 0) return Math.ceil(2 ** ((index + 1) / CLASSES_PER_DOUBLING));
  }
  return Math.ceil(2 ** (CLASSES / CLASSES_PER_DOUBLING));
}
