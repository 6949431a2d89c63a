import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../../src/accounts/exec.js';
import { killProcesses, processesOf } from '../../../src/accounts/processes.js';

const UID = 23456;

describe('the processes of a uid', () => {
  let proc: string;
  const children: ChildProcess[] = [];
  /** Makes /proc say that a process runs with these four uids: real, effective, saved, file system. */
  function say(pid: number, uids: string, state = 'S (sleeping)'): void {
    mkdirSync(join(proc, String(pid)), { recursive: true });
    writeFileSync(join(proc, String(pid), 'status'), `Name:\tx\nState:\t${state}\nUid:\t${uids}\nGid:\t0\t0\t0\t0\n`);
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

    const killing = killProcesses(UID, run, proc);
    await gone;
    rmSync(join(proc, String(ended)), { recursive: true });
    await killing;

    expect([survives(ended), survives(stays)]).toEqual([false, true]);
  });
});
