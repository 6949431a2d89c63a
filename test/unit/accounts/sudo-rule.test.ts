import { describe, expect, it } from 'vitest';
import { renderSudoers, sudoersFile } from '../../../src/accounts/sudo-rule.js';

describe('a sudo rule', () => {
  it('names the uid, so that no name can mean something else', () => {
    expect(renderSudoers('alice', 20001, { enabled: true, nopasswd: false })).toMatch(
      /^# .*\n#20001 ALL=\(ALL:ALL\) ALL\n$/,
    );
  });

  it('asks for no password only where the policy says so', () => {
    expect(renderSudoers('alice', 20001, { enabled: true, nopasswd: true })).toContain('NOPASSWD: ALL');
  });

  it('says who made it, for whom, and what it allows', () => {
    expect(renderSudoers('alice', 20001, { enabled: true, nopasswd: true })).toBe(
      '# Made by entramox for alice; changes here are lost.\n#20001 ALL=(ALL:ALL) NOPASSWD: ALL\n',
    );
    expect(renderSudoers('alice', 20001, { enabled: true, nopasswd: false })).not.toContain('NOPASSWD');
  });

  it('lives in a file that sudo does not ignore', () => {
    expect(sudoersFile('/etc/sudoers.d', 20001)).toMatch(/^\/etc\/sudoers\.d\/[^.~]+$/);
  });
});
