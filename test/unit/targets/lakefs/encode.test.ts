import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rejected } from '../../../../src/domain/errors.js';
import { expandPath, parseEndpoint } from '../../../../src/targets/lakefs/encode.js';

describe('the address of lakeFS', () => {
  it.each([
    ['https://lakefs.example.com', 'https://lakefs.example.com', '/api/v1'],
    ['https://lakefs.example.com/', 'https://lakefs.example.com', '/api/v1'],
    ['https://lakefs.example.com/api/v1', 'https://lakefs.example.com', '/api/v1'],
    ['https://lakefs.example.com/api/v1//', 'https://lakefs.example.com', '/api/v1'],
    ['https://example.com:8443/lake', 'https://example.com:8443', '/lake/api/v1'],
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000', '/api/v1'],
    ['http://[::1]:8000', 'http://[::1]:8000', '/api/v1'],
  ])('%s is understood', (endpoint, origin, root) => {
    expect(parseEndpoint(endpoint)).toMatchObject({ origin, root });
  });

  it.each([
    'http://lakefs.example.com',
    'ftp://lakefs.example.com',
    'lakefs.example.com',
    'https://user:word@lakefs.example.com',
    'https://lakefs.example.com?x=1',
    'https://lakefs.example.com#x',
  ])('%s is refused, and its password is not repeated', (endpoint) => {
    expect(() => parseEndpoint(endpoint)).toThrow(Rejected);
    expect(() => parseEndpoint(endpoint)).not.toThrow(/word@/);
  });
});

describe('a path', () => {
  it('carries any id as one segment that is decoded to the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (id) => {
        fc.pre(id !== '.' && id !== '..');

        const segments = expandPath('/auth/groups/{groupId}/members', { groupId: id }).split('/');

        expect(segments).toHaveLength(5);
        expect(decodeURIComponent(segments[3] ?? '')).toBe(id);
        expect(segments[3]).toMatch(/^[\w.!~*'()%-]+$/);
      }),
    );
  });

  it.each(['', '.', '..', '\ud800'])('is never made with %j, which would be another path', (id) => {
    expect(() => expandPath('/auth/users/{userId}', { userId: id })).toThrow(Rejected);
  });

  it('carries the offset of a page encoded as well', () => {
    const path = expandPath('/auth/users', {}, { amount: 1000, after: 'waad|a&b=c' });

    expect(new URL(path, 'http://x').searchParams.get('after')).toBe('waad|a&b=c');
  });
});
