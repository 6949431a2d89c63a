import { describe, expect, it } from 'vitest';
import { AgentError } from '../../../src/accounts/errors.js';
import { createSteps } from '../../../src/accounts/lock-failure.js';

const fail = (error: unknown) => () => {
  throw error;
};
const busy = new AgentError('busy', 'vipw holds the files', 'wait');

describe('the steps of a lock', () => {
  it('are no failure when each was done', async () => {
    const { attempt, failure } = createSteps();
    await attempt('a', () => undefined);

    expect(failure('anna')).toBeUndefined();
  });

  it('are all done, and every failure is told once, with the remedies', async () => {
    const { attempt, miss, failure } = createSteps();
    const done: string[] = [];
    await attempt('a', fail(busy));
    await attempt('b', fail(new Error('broken')));
    await attempt('a', fail(busy));
    await attempt('c', () => done.push('c'));
    miss('sudo is still there', 'sudo is still there');

    expect(done).toEqual(['c']);
    expect(failure('anna')).toMatchObject({
      code: 'failed',
      message: 'anna is not locked completely: a: vipw holds the files; b: broken; sudo is still there',
      remedy: 'wait',
    });
  });

  it('have no code but that of a failure where anything else failed too, and every remedy once', async () => {
    const { attempt, failure } = createSteps();
    await attempt('a', fail(busy));
    await attempt('b', fail(new AgentError('failed', 'refused', 'mend it')));
    await attempt('c', fail(new AgentError('busy', 'waits', 'wait')));
    await attempt('d', fail('text'));

    expect(failure('anna')).toMatchObject({
      name: 'AgentError',
      code: 'failed',
      message: expect.stringMatching(/; d: text$/),
      remedy: 'wait; mend it',
    });
  });

  it('do not only have to wait where an account is refused', async () => {
    const { attempt, failure } = createSteps();
    await attempt('a', fail(new AgentError('conflict', 'another uid')));

    expect(failure('anna')).toMatchObject({ code: 'failed', remedy: 'mend it; the lock is tried again' });
  });

  it('only have to wait when nothing but a lock of others was in the way', async () => {
    const { attempt, miss, failure } = createSteps();
    await attempt('a', fail(busy));
    miss('shadow does not show the lock');

    expect(failure('anna')).toMatchObject({ code: 'busy', remedy: 'wait' });
  });

  it('are a failure when something is missing although nothing failed', () => {
    const { miss, failure } = createSteps();
    miss('process 7 is still there');

    expect(failure('anna')).toMatchObject({ code: 'failed', remedy: 'mend it; the lock is tried again' });
  });

  it('name file and remedy of a disk that takes nothing', async () => {
    const { attempt, failure } = createSteps();
    const error = Object.assign(new Error("EROFS: read-only file system, unlink '/etc/sudoers.d/entramox-1'"), {
      code: 'EROFS',
      path: '/etc/sudoers.d/entramox-1',
    });
    await attempt('sudo rule', fail(error));

    expect(failure('anna')).toMatchObject({
      message: expect.stringContaining('sudo rule: /etc/sudoers.d/entramox-1 cannot be written: EROFS'),
      remedy: expect.stringContaining('make the file system of /etc/sudoers.d writable'),
    });
  });
});
