import { describe, expect, it } from 'vitest';
import { findMissingRoles, REQUIRED_ROLES, readToken } from '../../../src/entra/token-roles.js';

function jwt(payload: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.c2ln`;
}

describe('readToken', () => {
  it('reads the roles and the end of a token', () => {
    expect(readToken(jwt({ roles: ['User.Read.All'], exp: 1_800_000_000 }))).toEqual({
      roles: ['User.Read.All'],
      expiresAt: 1_800_000_000_000,
    });
  });

  it('takes a token without roles for one that has none', () => {
    expect(readToken(jwt({ aud: 'x' })).roles).toEqual([]);
  });

  it.each(['opaque', 'a.b.c', '', jwt('text'), jwt({ roles: 'all' })])('makes nothing of %s', (token) => {
    expect(readToken(token).roles).toBeUndefined();
  });
});

describe('findMissingRoles', () => {
  it('finds nothing missing where a wider permission covers a required one', () => {
    expect(findMissingRoles(['Group.Read.All', 'User.Read.All'], REQUIRED_ROLES, 'app')).toBeUndefined();
    expect(findMissingRoles(['Directory.Read.All'], REQUIRED_ROLES, 'app')).toBeUndefined();
  });

  it('names what is missing, what is there, and where to grant it', () => {
    const found = findMissingRoles(['User.ReadBasic.All', 'GroupMember.Read.All'], REQUIRED_ROLES, 'app-7');

    expect(found?.missing).toEqual(['User.Read.All']);
    expect(found?.explanation).toContain('app-7 lacks the application permission User.Read.All');
    expect(found?.explanation).toContain('User.ReadBasic.All, GroupMember.Read.All');
    expect(found?.explanation).toContain('Grant admin consent');
  });
});
