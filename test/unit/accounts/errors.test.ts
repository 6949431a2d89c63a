import { describe, expect, it } from 'vitest';
import { AgentError, errnoOf, messageOf, toAgentError } from '../../../src/accounts/errors.js';

describe('what is thrown', () => {
  it('stays as it is where it is one of ours', () => {
    const error = new AgentError('busy', 'wait', 'a while');

    expect(toAgentError(error)).toBe(error);
    expect(error).toMatchObject({ name: 'AgentError', code: 'busy', message: 'wait', remedy: 'a while' });
  });

  it.each([
    [new Error('broken'), 'broken'],
    ['text', 'text'],
    [undefined, 'undefined'],
  ])('is a failure with its words otherwise (%s)', (thrown, words) => {
    expect(messageOf(thrown)).toBe(words);
    expect(toAgentError(thrown)).toMatchObject({ name: 'AgentError', code: 'failed', message: words });
  });
});

describe('the code of an error of the file system', () => {
  it('is told only where there is one in words', () => {
    const withCode = (code: unknown) => Object.assign(new Error('x'), { code });

    expect([withCode('ENOENT'), withCode(7), new Error('x'), { code: 'ENOENT' }, null].map(errnoOf)).toEqual([
      'ENOENT',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
