import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface LockFile {
  packages: Record<string, { version?: string; integrity?: string; optionalDependencies?: Record<string, string> }>;
}

const { packages } = JSON.parse(
  readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'),
) as LockFile;

describe('the lock file', () => {
  // A registry that lacks the builds for other platforms makes npm leave them out, and npm ci then refuses the file.
  it('names every optional package, so that npm ci takes it on any machine', () => {
    const optional = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => ({ path, name })),
    );

    const missing = optional.filter(
      ({ path, name }) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
    );

    expect(optional.length).toBeGreaterThan(0);
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});
