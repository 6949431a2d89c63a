import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { configFiles, filesBelow, type Installation, watchedPlaces } from './installation.js';
import { CONFIG_MANIFEST, type Manifest, PROGRAM_MANIFEST, renderManifest, sumOf } from './manifest.js';

/** What was written down. */
export interface Sealed {
  program: Manifest;
  config: Manifest;
}

/**
 * Writes down the SHA-256 of everything that is installed, for the checking script, and apart from it that of the
 * configuration. The second names what an attacker could guess secrets by, so only whoever may read the configuration
 * may read it. Throws Error where something cannot be read or written, and then changes nothing.
 */
export function seal(installation: Installation, now: number): Sealed {
  const sealedAt = new Date(now).toISOString();
  const watched = watchedPlaces(installation);
  const program: Manifest = { sealedAt, watched, sums: sumsOf(watched.flatMap((place) => filesBelow(place))) };
  const config: Manifest = { sealedAt, watched: [], sums: sumsOf(configFiles(installation)) };
  const texts = [renderManifest(program), renderManifest(config)] as const;
  replaceFile(PROGRAM_MANIFEST, texts[0], { mode: 0o644, gid: 0 });
  replaceFile(CONFIG_MANIFEST, texts[1], { mode: 0o640, gid: groupOfConfiguration(installation) });
  return { program, config };
}

function sumsOf(paths: readonly string[]): Map<string, string> {
  return new Map(
    paths.map((path) => {
      const sum = sumOf(path);
      if (sum === undefined) throw new Error(`${path} cannot be read, so it cannot be sealed`);
      return [path, sum];
    }),
  );
}

function groupOfConfiguration({ configDirectory }: Installation): number {
  return statSync(join(configDirectory, 'entramox.env'), { throwIfNoEntry: false })?.gid ?? 0;
}

/** Whole or not at all, also when the power fails. */
function replaceFile(path: string, text: string, { mode, gid }: { mode: number; gid: number }): void {
  const temporary = join(dirname(path), `.${process.pid}.sha256.tmp`);
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(descriptor, text);
    fchownSync(descriptor, 0, gid);
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  const directory = openSync(dirname(path), 'r');
  fsyncSync(directory);
  closeSync(directory);
}
