import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mustRun, type Run } from '../../../src/accounts/exec.js';
import { rootOnlyProblem } from '../../../src/accounts/root-only.js';

describe('programs that root runs', () => {
  it('must not lie where others could replace them', () => {
    const directory = mkdtempSync(join(tmpdir(), 'exec-'));
    const file = join(directory, 'tool');
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o777);

    const problems = [rootOnlyProblem(file), rootOnlyProblem(join(directory, 'none')), rootOnlyProblem('/usr/bin/env')];
    rmSync(directory, { recursive: true });

    expect(problems).toEqual([
      expect.stringMatching(/writable by others|does not belong to root/),
      'missing',
      undefined,
    ]);
  });
});

describe('a tool that must succeed', () => {
  const run: Run = async () => ({ code: 6, stdout: '', stderr: "userdel: user 'x'\ndoes not exist\n" });

  it('fails with its own words on one line', async () => {
    await expect(mustRun(run, 'userdel', ['x'])).rejects.toThrow(
      "userdel ended with 6: userdel: user 'x'; does not exist",
    );
  });

  it('may end with the codes that the caller expects', async () => {
    expect((await mustRun(run, 'userdel', ['x'], { codes: [0, 6] })).code).toBe(6);
  });

  it('only has to wait where the host was why it failed, and says what mends that', async () => {
    const lacking: Run = async () => ({ code: 1, stdout: '', stderr: '', notStarted: 'no room', remedy: 'make room' });
    const hindered: Run = async () => ({ code: 1, stdout: '', stderr: 'cannot lock', remedy: 'rm the lock' });

    await expect(mustRun(lacking, 'useradd', [])).rejects.toMatchObject({
      code: 'busy',
      message: 'useradd was not started: no room',
      remedy: 'make room',
    });
    await expect(mustRun(hindered, 'useradd', [])).rejects.toMatchObject({ code: 'busy', remedy: 'rm the lock' });
    await expect(mustRun(run, 'useradd', [])).rejects.toMatchObject({ code: 'failed', remedy: undefined });
  });
});
