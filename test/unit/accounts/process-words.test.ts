import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandOf, processWords } from '../../../src/accounts/process-words.js';
import { createHost, type Host } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
  mkdirSync(join(host.paths.proc, '7'));
  host.write('proc/7/comm', 'vipw\n');
});
afterEach(() => host.remove());

describe('a process', () => {
  it('is told by number and name while it lives', () => {
    expect(commandOf(7, host.paths.proc)).toBe('vipw');
    expect(processWords(7, host.paths.proc)).toBe('process 7 (vipw)');
  });

  it('is told by number alone once it has ended', () => {
    expect(commandOf(8, host.paths.proc)).toBeUndefined();
    expect(processWords(8, host.paths.proc)).toBe('process 8, which ended meanwhile');
  });

  it.each([0, -1])('outside of our view has no number (%i)', (pid) => {
    expect(processWords(pid, host.paths.proc)).toBe('a process that cannot be seen from here');
  });
});
