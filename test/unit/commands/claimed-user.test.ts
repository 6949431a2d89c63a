import { describe, expect, it } from 'vitest';
import { claimedUser } from '../../../src/commands/parts/claimed-user.js';

describe('the user that a command claims for the audit log', () => {
  it.each([
    ['the account it runs as', {}, 'alice', 'alice'],
    ['also whoever became root by sudo', { SUDO_USER: 'alice' }, 'root', 'root (sudo: alice)'],
    ['nobody twice', { SUDO_USER: 'alice' }, 'alice', 'alice'],
  ])('names %s', (_what, environment, user, expected) => {
    expect(claimedUser(environment, user)).toBe(expected);
  });

  it('cannot break a line of the audit log, nor fill it', () => {
    const claim = claimedUser({ SUDO_USER: `x\n${'y'.repeat(500)}` }, 'root');

    expect(claim).toMatch(/^root \(sudo: x\?y+$/);
    expect(claim).toHaveLength(128);
  });

  it('is something for the real user of this process', () => {
    expect(claimedUser({})).not.toBe('');
  });
});
