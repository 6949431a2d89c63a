/** What is known of lakeFS's health from the calls before. Times are epoch milliseconds. */
export interface Patience {
  /** A call was answered, well or by a refusal. */
  answered(): void;
  /** A call was given up. `silent`: nobody, or a server that turns everybody away, answered it. */
  gaveUp(what: { silent: boolean; why: string }, now: number): void;
  /**
   * How a call is made now. `full`: time and again. `once`: the one before was given up, so a single quick attempt
   * tells enough. `none`: not at all, because several in a row were given up just now.
   */
  stance(now: number): { kind: 'full' } | { kind: 'once' } | { kind: 'none'; why: string };
}

/** Of an attempt when the call before was given up. */
export const QUICK_MS = 5_000;
const SILENT_IN_A_ROW = 3;
/** How long it is not called at all, and how long it gets quick attempts only. */
const REST_MS = 30_000;
const REMEMBERED_MS = 300_000;

/**
 * Patience with one server, shared by all its calls. A pass makes thousands, and each by itself waiting out an outage
 * would hold up everything that comes after it for hours; other targets are waiting too. One call that fails again and
 * again while others are answered takes nothing from them.
 */
export function createPatience(): Patience {
  let failed: { silent: number; at: number; why: string } | undefined;
  return {
    answered() {
      failed = undefined;
    },
    gaveUp({ silent, why }, now) {
      failed = { silent: (failed?.silent ?? 0) + (silent ? 1 : 0), at: now, why };
    },
    stance(now) {
      if (failed && (now - failed.at >= REMEMBERED_MS || now < failed.at)) failed = undefined;
      if (!failed) return { kind: 'full' };
      const rests = failed.silent >= SILENT_IN_A_ROW && now - failed.at < REST_MS;
      return rests ? { kind: 'none', why: failed.why } : { kind: 'once' };
    },
  };
}
