/** What keeps the two sides from working together, for a while. */
export type Hindrance =
  | 'graph down'
  | 'graph slow'
  | 'token endpoint down'
  | 'we are down'
  | 'our endpoint unreachable'
  | 'quota full'
  | 'rival'
  | 'list wrong';

/** What hinders now, and since when nothing does. */
export interface Weather {
  /** Starts a hindrance; the returned function ends it. The same may come several times at once. */
  begin(what: Hindrance): () => void;
  is(what: Hindrance): boolean;
  /** Something was done that nobody can mend before it is looked at again: deleted behind our back, a clock set. */
  disturb(): void;
  /** Since when nothing hindered, those left out that `but` names; undefined while something does. */
  calmSince(but?: readonly Hindrance[]): number | undefined;
  /** Since when none of these; undefined while one is. */
  free(of: readonly Hindrance[]): number | undefined;
  /** How often each began. */
  counts(): Record<string, number>;
}

export function createWeather(now: () => number): Weather {
  const active = new Map<Hindrance, number>();
  const ended = new Map<Hindrance, number>();
  const counts: Record<string, number> = {};
  let disturbedAt = now();

  return {
    begin(what) {
      active.set(what, (active.get(what) ?? 0) + 1);
      counts[what] = (counts[what] ?? 0) + 1;
      let over = false;
      return () => {
        if (over) return;
        over = true;
        const left = (active.get(what) ?? 1) - 1;
        active.set(what, left);
        if (left === 0) ended.set(what, now());
      };
    },
    is: (what) => (active.get(what) ?? 0) > 0,
    disturb() {
      disturbedAt = now();
    },
    calmSince(but = []) {
      let since = disturbedAt;
      for (const [what, times] of active) if (times > 0 && !but.includes(what)) return undefined;
      for (const [what, at] of ended) if (!but.includes(what)) since = Math.max(since, at);
      return since;
    },
    free(of) {
      if (of.some((what) => (active.get(what) ?? 0) > 0)) return undefined;
      return Math.max(0, ...of.map((what) => ended.get(what) ?? 0));
    },
    counts: () => ({ ...counts }),
  };
}
