import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../../src/accounts/exec.js';
import { killProcesses, ownProcesses, processesOf } from '../../../src/accounts/processes.js';

const UID = 23456;

describe('the processes of a uid', () => {
  let proc: string;
  const children: ChildProcess[] = [];
  /** Makes /proc say that a process runs with these four uids: real, effective, saved, file system. */
  function say(pid: number, uids: string, state = 'S (sleeping)'): void {
    mkdirSync(join(proc, String(pid)), { recursive: true });
    writeFileSync(join(proc, String(pid), 'status'), `Name:\tx\nState:\t${state}\nUid:\t${uids}\nGid:\t0\t0\t0\t0\n`);
  }
  function put(pid: number, file: string, text: string): void {
    writeFileSync(join(proc, String(pid), file), text);
  }
  async function sleeper(): Promise<number> {
    const child = spawn('sleep', ['60']);
    children.push(child);
    await once(child, 'spawn');
    return child.pid ?? 0;
  }
  const survives = (pid: number) => {
    const child = children.find((one) => one.pid === pid);
    return child?.exitCode === null && child.signalCode === null;
  };

  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'proc-'));
    say(1, '0\t0\t0\t0');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(proc, { recursive: true });
  });

  it('are those that run with it or could take it again, and no server that only reads files in its name', () => {
    say(101, `${UID}\t0\t0\t0`);
    say(102, `0\t${UID}\t0\t0`);
    say(103, `0\t0\t${UID}\t0`);
    say(104, `0\t0\t0\t${UID}`);
    say(105, `${UID}\t${UID}\t${UID}\t${UID}`, 'Z (zombie)');

    expect(processesOf(UID, proc).sort()).toEqual([101, 102, 103]);
  });

  it('are unknown, not none, where /proc hides those of others', () => {
    rmSync(join(proc, '1'), { recursive: true });

    expect(() => processesOf(UID, proc)).toThrow(/hidepid/);
  });

  it('are killed, but not whoever got the number of one that ended meanwhile', async () => {
    const [ended, stays] = [await sleeper(), await sleeper()];
    say(ended, `${UID}\t${UID}\t${UID}\t${UID}`);
    say(stays, `${UID}\t${UID}\t${UID}\t${UID}`);
    const gone = once(children.find(({ pid }) => pid === ended) ?? children[0] ?? spawn('true'), 'exit');
    // By the time the first stroke is done the second number belongs to root.
    const run: Run = async () => {
      say(stays, '0\t0\t0\t0');
      return { code: 0, stdout: '', stderr: '' };
    };

    const killing = killProcesses({ uid: UID, subordinate: [] }, run, proc);
    await gone;
    rmSync(join(proc, String(ended)), { recursive: true });
    await killing;

    expect([survives(ended), survives(stays)]).toEqual([false, true]);
  });

  it('include whatever runs in a login of theirs, as root too, but not the service that clears up after it', () => {
    say(101, '0\t0\t0\t0');
    put(101, 'cgroup', `0::/user.slice/user-${UID}.slice/session-3.scope\n`);
    say(102, '0\t0\t0\t0');
    put(102, 'cgroup', `0::/user.slice/user-${UID}.slice/user-runtime-dir@${UID}.service\n`);
    say(103, '0\t0\t0\t0');
    put(103, 'cgroup', `0::/user.slice/user-${UID}0.slice/session-4.scope\n`);
    say(104, '0\t0\t0\t0');
    put(104, 'cgroup', `5:cpu:/x\n1:name=systemd:/user.slice/user-${UID}.slice/session-5.scope\n0::/\n`);

    const found = ownProcesses({ uid: UID, subordinate: [] }, proc);

    expect(found.map(({ pid, by }) => [pid, by])).toEqual([
      [101, 'session'],
      [104, 'session'],
    ]);
    expect(processesOf(UID, proc)).toEqual([]);
  });

  it('are never those of a login in a container, whose user of that number is somebody else', () => {
    put(1, 'cgroup', '0::/init.scope\n');
    const inside = `/user.slice/user-${UID}.slice/session-3.scope`;
    const guests = ['/lxc/101/ns', '/machine.slice/systemd-nspawn@x.service/payload', '/user.slice/user-1.slice/a'];
    for (const [position, guest] of guests.entries()) {
      say(101 + position, '123456\t123456\t123456\t123456');
      put(101 + position, 'cgroup', `0::${guest}${inside}\n`);
    }

    expect(ownProcesses({ uid: UID, subordinate: [] }, proc)).toEqual([]);
  });

  it('include those of their logins where we are in a container ourselves and see the path from outside', () => {
    put(1, 'cgroup', '0::/lxc/101/init.scope\n');
    say(101, '0\t0\t0\t0');
    put(101, 'cgroup', `0::/lxc/101/user.slice/user-${UID}.slice/session-3.scope\n`);
    say(102, '0\t0\t0\t0');
    put(102, 'cgroup', `0::/lxc/101/lxc/7/user.slice/user-${UID}.slice/session-3.scope\n`);

    const found = ownProcesses({ uid: UID, subordinate: [] }, proc);

    expect(found).toMatchObject([{ pid: 101, by: 'session', elsewhere: undefined }]);
  });

  it('include those of uids that only they may take', () => {
    say(101, '100001\t100001\t100001\t100001');
    say(102, '200001\t200001\t200001\t200001');

    const found = ownProcesses({ uid: UID, subordinate: [[100_000, 165_535]] }, proc);

    expect(found.map(({ pid }) => pid)).toEqual([101]);
  });

  it('show where they are when that is no login of theirs, and whether they are in a container', () => {
    say(101, `${UID}\t${UID}\t${UID}\t${UID}`);
    put(101, 'cgroup', '0::/system.slice/cron.service\n');
    say(102, `${UID}\t${UID}\t${UID}\t${UID}`);
    put(102, 'cgroup', `0::/user.slice/user-${UID}.slice/user@${UID}.service/app.slice/a.service\n`);
    writeFileSync(
      join(proc, '102/status'),
      `Name:\tshell\nState:\tS\nUid:\t${UID}\t${UID}\t${UID}\t0\nNSpid:\t102\t1\n`,
    );
    say(103, `${UID}\t${UID}\t${UID}\t${UID}`);
    put(103, 'cgroup', '0::/\n');

    const found = ownProcesses({ uid: UID, subordinate: [] }, proc);

    expect(found).toEqual([
      { pid: 101, command: 'x', by: 'uid', elsewhere: '/system.slice/cron.service', nested: false },
      { pid: 102, command: 'shell', by: 'uid', elsewhere: undefined, nested: true },
      { pid: 103, command: 'x', by: 'uid', elsewhere: undefined, nested: false },
    ]);
  });

  it('end what attends to a login only after it had time to end by itself', async () => {
    const attendant = await sleeper();
    say(attendant, '0\t0\t0\t0');
    put(attendant, 'cgroup', `0::/user.slice/user-${UID}.slice/session-3.scope\n`);
    const child = children.find(({ pid }) => pid === attendant);
    const run: Run = async () => ({ code: 0, stdout: '', stderr: '' });
    child?.once('exit', () => rmSync(join(proc, String(attendant)), { recursive: true }));

    const met = await killProcesses({ uid: UID, subordinate: [] }, run, proc);

    expect(met).toMatchObject([{ pid: attendant, by: 'session' }]);
    expect(child?.signalCode).toBe('SIGKILL');
  });
});
