import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endProcesses } from '../../../src/accounts/end-processes.js';
import type { Run } from '../../../src/accounts/exec.js';
import { beyondReach } from '../../../src/accounts/privileged-groups.js';
import type { Workshop } from '../../../src/accounts/workshop.js';

const ALICE = { name: 'alice', uid: 23456 };
const done = { code: 0, stdout: '', stderr: '' };

describe('ending somebody', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'root-'));
    say(1, 0);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function say(pid: number, uid: number, group = '/'): void {
    mkdirSync(join(root, 'proc', String(pid)), { recursive: true });
    writeFileSync(join(root, 'proc', String(pid), 'status'), `Name:\tsleep\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    writeFileSync(join(root, 'proc', String(pid), 'cgroup'), `0::${group}\n`);
  }
  const forget = (pid: number) => rmSync(join(root, 'proc', String(pid)), { recursive: true });
  const workshop = (run: Run) => ({ run, paths: { etc: root, proc: join(root, 'proc') } }) as unknown as Workshop;
  /** Nobody has this number, so nothing is hit. */
  const PID = 99_999_999;

  it('is complete, and says so, when nothing is found', async () => {
    const { problems } = await endProcesses(
      workshop(async () => done),
      ALICE,
    );

    expect(problems).toEqual([]);
  });

  it('names a service that starts the process again right after it was killed', async () => {
    say(PID, ALICE.uid, '/system.slice/again.service');
    const run: Run = async (tool) => {
      if (tool !== 'kill') return done;
      forget(PID);
      setTimeout(() => say(PID, ALICE.uid, '/system.slice/again.service'), 100);
      return done;
    };

    const { problems, notes } = await endProcesses(workshop(run), ALICE);

    expect(problems).toEqual([expect.stringContaining(`${PID} (sleep in /system.slice/again.service)`)]);
    expect(notes).toContainEqual(expect.stringContaining('root has to stop what starts them again'));
  });

  it('gives up on what cannot be killed, and names it', async () => {
    say(PID, ALICE.uid);

    const { problems } = await endProcesses(
      workshop(async () => done),
      ALICE,
    );

    expect(problems).toEqual([expect.stringContaining(`${PID} (sleep)`)]);
  });

  it('notes that logind could not be asked, and ends everything without it', async () => {
    say(PID, ALICE.uid);
    const run: Run = async (tool) => {
      if (tool === 'loginctl') return { code: 1, stdout: '', stderr: 'Failed to connect to bus' };
      forget(PID);
      return done;
    };

    const { problems, notes } = await endProcesses(workshop(run), ALICE);

    const why = existsSync('/run/systemd/system') ? 'Failed to connect to bus' : 'this host has no logind';
    expect(problems).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(new RegExp(`${why}.*one by one`))]);
  });
});

describe('groups that let somebody start what nobody can end in their name', () => {
  it('are told, and others are not', () => {
    expect(beyondReach('alice', ['adm', 'docker', 'libvirt'])).toEqual([
      'containers and machines that alice started as a member of docker, libvirt run on',
    ]);
    expect(beyondReach('alice', ['adm', 'games'])).toEqual([]);
  });
});
