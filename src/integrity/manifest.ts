import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What was sealed, in the form that `sha256sum --check` reads (GNU coreutils: lines with # are passed over). */
export interface Manifest {
  /** ISO 8601 in UTC. */
  sealedAt: string;
  /** Files and directories in which nothing may be that is not sealed. */
  watched: readonly string[];
  sums: ReadonlyMap<string, string>;
}

/** Which files of the installation changed since they were sealed: a mismatch keeps every unit from starting. */
export const PROGRAM_MANIFEST = '/etc/entramox/integrity.sha256';
/** The same for the configuration, whose changes are only told of. */
export const CONFIG_MANIFEST = '/etc/entramox/integrity-config.sha256';

const SUM = /^([0-9a-f]{64}) {2}(\/.*)$/;

/** The text of a manifest. Throws Error for a path that has no plain spelling on one line. */
export function renderManifest({ sealedAt, watched, sums }: Manifest): string {
  const all = [...watched, ...sums.keys()];
  const odd = all.find((path) => !/^\/[^\n\r\\]*$/.test(path));
  if (odd !== undefined) throw new Error(`${JSON.stringify(odd)} cannot be sealed: its name does not fit on a line`);
  return [
    `# Made by "entramox integrity seal". Read by sha256sum --check and by entramox-integrity.`,
    `# sealed ${sealedAt}`,
    ...watched.map((path) => `# watched ${path}`),
    ...[...sums].map(([path, sum]) => `${sum}  ${path}`),
    '',
  ].join('\n');
}

/** A manifest from its text; lines that are neither are passed over, as whoever may write it is root. */
export function parseManifest(text: string): Manifest {
  const lines = text.split('\n');
  const sums = lines.flatMap((line): [string, string][] => {
    const [, sum, path] = SUM.exec(line) ?? [];
    return sum !== undefined && path !== undefined ? [[path, sum]] : [];
  });
  const after = (word: string) =>
    lines.filter((line) => line.startsWith(`# ${word} `)).map((line) => line.slice(word.length + 3));
  return { sealedAt: after('sealed')[0] ?? '', watched: after('watched'), sums: new Map(sums) };
}

/** The manifest in a file; undefined where there is none, or none that may be read. */
export function readManifest(path: string): Manifest | undefined {
  const bytes = readIfPossible(path);
  return bytes && parseManifest(bytes.toString('utf8'));
}

/** SHA-256 of a file in hexadecimal digits; undefined where it is not there or may not be read. */
export function sumOf(path: string): string | undefined {
  const bytes = readIfPossible(path);
  return bytes && createHash('sha256').update(bytes).digest('hex');
}

function readIfPossible(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
