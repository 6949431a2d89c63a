import type { Manifest } from './manifest.js';
import { sumOf } from './manifest.js';

/**
 * Sealed files that are not as they were, by what can be read from here: a file that may not be read is passed over,
 * since the checking script looks at it as root.
 */
export function changedFiles({ sums }: Manifest, isThere: (path: string) => boolean): string[] {
  return [...sums].flatMap(([path, sum]) => {
    const now = sumOf(path);
    if (now === undefined) return isThere(path) ? [] : [path];
    return now === sum ? [] : [path];
  });
}
