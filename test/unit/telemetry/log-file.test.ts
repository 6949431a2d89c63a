import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogFile } from '../../../src/telemetry/log-file.js';

let dir: string;
let now: number;
let complaints: unknown[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-log-'));
  now = 0;
  complaints = [];
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open(path: string) {
  return createLogFile(
    path,
    () => now,
    (error) => complaints.push(error),
  );
}

describe('the log file', () => {
  it('is appended to, and is not for everybody', () => {
    const path = join(dir, 'entramox.log');

    open(path).write('one\n');
    open(path).write('two\n');

    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  it('goes on in the new file after a rotation', () => {
    const path = join(dir, 'entramox.log');
    const file = open(path);
    file.write('before\n');
    renameSync(path, `${path}.1`);
    now += 5000;

    file.write('after\n');

    expect(readFileSync(`${path}.1`, 'utf8')).toBe('before\n');
    expect(readFileSync(path, 'utf8')).toBe('after\n');
  });

  it('complains once where it cannot be written, and stops nothing', () => {
    const file = open(join(dir, 'missing', 'entramox.log'));

    file.write('one\n');
    file.write('two\n');

    expect(complaints).toHaveLength(1);
  });
});
