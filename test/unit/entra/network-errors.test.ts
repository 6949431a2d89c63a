import { describe, expect, it } from 'vitest';
import { describeNetworkError } from '../../../src/entra/network-errors.js';

function failed(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('inner text'), { code }) });
}

describe('describeNetworkError', () => {
  it('finds the cause inside of fetch failed', () => {
    expect(describeNetworkError(failed('ENOTFOUND'))).toEqual({
      text: 'its name is not known to DNS (ENOTFOUND)',
      transient: true,
    });
  });

  it('names the setting for an unknown root, and does not think that waiting helps', () => {
    const { text, transient } = describeNetworkError(failed('SELF_SIGNED_CERT_IN_CHAIN'));

    expect(text).toContain('CA_FILE');
    expect(transient).toBe(false);
  });

  it('looks into the attempts at several addresses', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    const error = new TypeError('fetch failed', { cause: new AggregateError([refused]) });

    expect(describeNetworkError(error).text).toContain('refused');
  });

  it('ends on causes that form a circle', () => {
    const error = new Error('round');
    error.cause = error;

    expect(describeNetworkError(error).text).toBe('round');
  });
});
