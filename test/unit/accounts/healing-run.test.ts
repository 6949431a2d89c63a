import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentError } from '../../../src/accounts/errors.js';
import type { Outcome, Run } from '../../../src/accounts/exec.js';
import { createHealingRun } from '../../../src/accounts/healing-run.js';
import type { Locked, PasswdLock } from '../../../src/accounts/passwd-lock.js';
import type { KilledTool } from '../../../src/accounts/stale-locks.js';

const FINE: Outcome = { code: 0, stdout: '', stderr: '' };
const LOCKED: Outcome = { code: 1, stdout: '', stderr: 'usermod: cannot lock /etc/passwd; try again later.\n' };

describe('a run that heals', () => {
  let etc: string;
  let started: string[];
  let said: string[];
  let holder: Locked<never> | undefined;
  let note: KilledTool | undefined;
  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), 'etc-'));
    started = [];
    said = [];
    holder = undefined;
    note = undefined;
  });
  afterEach(() => rmSync(etc, { recursive: true }));

  /** The outcomes of the tools in their order; an error is what a killed one gives. */
  function healing(...outcomes: (Outcome | Error)[]) {
    const run: Run = async (tool, _args, options) => {
      started.push(tool);
      options?.onStart?.(started.length);
      const outcome = outcomes.shift() ?? FINE;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    };
    const passwdLock: PasswdLock = async (work) => holder ?? { kind: 'done', value: work() };
    const notes = {
      read: () => note,
      write(last: KilledTool) {
        note = last;
      },
    };
    const say = (text: string) => void said.push(text);
    return createHealingRun({ run, passwdLock, note: notes, etcDirectory: etc, procDirectory: '/proc', say });
  }

  it('runs a tool again after it removed the stale lock file that was in its way', async () => {
    writeFileSync(join(etc, 'passwd.lock'), '');
    const { run } = healing(LOCKED, FINE);

    const outcome = await run('usermod', ['-L', 'anna']);

    expect([outcome, started]).toEqual([FINE, ['usermod', 'usermod']]);
    expect(said).toEqual([expect.stringContaining('passwd.lock was removed: it was empty')]);
  });

  it('runs a tool again no more than once', async () => {
    const { run } = healing(LOCKED, LOCKED, FINE);

    const outcome = await run('usermod', []);

    expect([outcome.code, started.length]).toEqual([1, 2]);
  });

  it('runs no tool again that failed for another reason, and none that takes no lock', async () => {
    const { run } = healing({ code: 6, stdout: '', stderr: "usermod: user 'x' does not exist" }, LOCKED);

    const codes = [(await run('usermod', [])).code, (await run('visudo', [])).code];

    expect([codes, started]).toEqual([
      [6, 1],
      ['usermod', 'visudo'],
    ]);
  });

  it('names who holds the lock, and starts no further tool until it is free', async () => {
    holder = { kind: 'held', by: 'process 12 (vipw)' };
    const { run } = healing(LOCKED);

    const first = run('usermod', []);
    await expect(first).rejects.toMatchObject({
      code: 'busy',
      message: 'usermod could not begin: process 12 (vipw) holds the account files',
    });
    await expect(run('chage', [])).rejects.toMatchObject({ code: 'busy' });
    expect(started).toEqual(['usermod']);
    holder = undefined;
    await run('chage', []);

    expect(started).toEqual(['usermod', 'chage']);
  });

  it('tells what root can do where nobody can take the lock', async () => {
    holder = { kind: 'impossible', why: 'no perl' };
    const { run } = healing(LOCKED);

    const outcome = await run('usermod', []);

    expect(outcome).toMatchObject({ code: 1, remedy: expect.stringMatching(/rm \S+\/\*\.lock .*no perl/) });
  });

  it('removes what a killed tool left, and what one of a former agent left', async () => {
    const killed = new AgentError('failed', 'ended by SIGKILL');
    const { run, cleanUpAfterFormer } = healing(killed);
    writeFileSync(join(etc, 'passwd.1'), '1\0');
    await expect(run('useradd', [])).rejects.toBe(killed);
    writeFileSync(join(etc, 'group.77'), '77\0');
    note = { tool: 'groupadd', pid: 77 };

    await cleanUpAfterFormer();

    expect(said).toEqual([
      'useradd (process 1) was killed; passwd.1 removed',
      'groupadd (process 77) was killed; group.77 removed',
    ]);
  });

  it('remembers each tool before the next may be started', async () => {
    const { run } = healing();

    await run('groupadd', []);
    await run('useradd', []);

    expect(note).toEqual({ tool: 'useradd', pid: 2 });
  });
});
