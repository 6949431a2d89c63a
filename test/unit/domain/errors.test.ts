import { describe, expect, it } from 'vitest';
import { Busy, Conflict, Invariant, messageOf, Rejected, SourceUnavailable } from '../../../src/domain/errors.js';

describe('the errors', () => {
  it.each([
    [new SourceUnavailable('Graph is away'), 'SourceUnavailable'],
    [new Conflict('two owners', 'ask them'), 'Conflict'],
    [new Rejected('no such person'), 'Rejected'],
    [new Busy('later', 500), 'Busy'],
    [new Invariant('a bug'), 'Invariant'],
  ])('%s is told by its name', (error, name) => {
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
  });

  it('carry what to do, and how long to wait', () => {
    expect(new Conflict('two owners', 'ask them').remedy).toBe('ask them');
    expect(new Busy('later', 500).retryAfterMs).toBe(500);
  });
});

describe('messageOf', () => {
  it.each([
    [new Error('  first \n\t second\n\nthird '), 'first second third'],
    [new Error('no\nspace'), 'no space'],
    ['plain text', 'plain text'],
    [42, '42'],
  ])('gives %j on one line', (thrown, text) => {
    expect(messageOf(thrown)).toBe(text);
  });
});
