import { spawnSync } from 'node:child_process';

/** Why a program cannot be used here, for the title of a skipped test; undefined where it can. */
export function missing(program: string, packageName: string): string | undefined {
  const probe = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 30_000 });
  return probe.status === 0 ? undefined : `needs ${packageName} of Debian`;
}
