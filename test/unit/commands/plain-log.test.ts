import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/commands/io.js';
import { createPlainLog } from '../../../src/commands/parts/plain-log.js';
import { registerSecret } from '../../../src/telemetry/redact.js';

function record(level = 'info') {
  const lines: string[] = [];
  const io: Io = { out: () => undefined, err: (text) => lines.push(text), terminal: false };
  return { lines, log: createPlainLog(io, level) };
}

describe('the log of a command that a person waits for', () => {
  it('is one plain line for each warning and error', () => {
    const { lines, log } = record();

    log('reconcile.group.unreadable', { group: 'g', why: '403 Forbidden', after: undefined });
    log('reconcile.group.emptied', { groups: ['g', 'h'] });

    expect(lines).toEqual([
      'error: a configured group could not be read; nobody in it is removed: group g, why 403 Forbidden',
      'warning: a group that had members reads empty and is read again: groups ["g","h"]',
    ]);
  });

  it('tells the same once, and nothing that the command says itself', () => {
    const { lines, log } = record();

    for (let n = 0; n < 3; n += 1) log('linux.agent.said', { line: 'no policy' });
    log('entra.token.failed', { error: 'the secret has expired' });
    log('reconcile.source.unavailable', { error: 'the secret has expired' });
    log('reconcile.sweep.failed', { why: 'the secret has expired' });

    expect(lines).toEqual(['warning: the account agent wrote to its error output: line no policy']);
  });

  it.each([
    ['info', 0],
    ['debug', 2],
    ['silent', 0],
  ])('with LOG_LEVEL=%s tells %i of two events that are no warnings', (level, count) => {
    const { lines, log } = record(level);

    log('linux.agent.connected');
    log('reconcile.sweep.started');

    expect(lines).toHaveLength(count);
  });

  it('never shows a secret', () => {
    const { lines, log } = record();
    registerSecret('hunter2-hunter2');

    log('linux.agent.said', { line: 'got hunter2-hunter2' });

    expect(lines.join()).not.toContain('hunter2');
  });
});
