/**
 * A wait of which at most `share` (0 to 1) is taken off by chance, so that several hosts do not come back together.
 * Not rounded. `random` gives 0 to 1.
 */
export function jittered(fullMs: number, share: number, random: () => number): number {
  return fullMs * (1 - share + share * random());
}
