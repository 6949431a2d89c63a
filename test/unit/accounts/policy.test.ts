import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_POLICY, loadPolicy, parsePolicy } from '../../../src/accounts/policy.js';

describe('the text of a policy', () => {
  it('may leave out everything but the version', () => {
    expect(parsePolicy('{"version":1}', 'p.json')).toEqual(DEFAULT_POLICY);
  });

  it('names every wrong field at once', () => {
    const text = JSON.stringify({
      version: 2,
      uidRange: [0, 10],
      shell: 'bash',
      sudo: { enabled: 'yes' },
      surprise: 1,
    });

    expect(() => parsePolicy(text, 'p.json')).toThrow(
      /version is 2.*uidRange is \[0,10\].*shell is "bash".*sudo is.*surprise is unknown/,
    );
  });

  it.each([
    ['a system uid', { uidRange: [999, 2000] }],
    ['a range that ends before it begins', { uidRange: [30000, 20000] }],
    ['a uid of systemd-homed', { uidRange: [20000, 60513] }],
    ['a path with dots', { homeBase: '/home/../etc' }],
    ['a group that is text for sudoers', { allowedGroups: ['ALL'] }],
    ['a fraction of a second', { deleteAfterSeconds: 0.5 }],
    ['a sudo rule of its own', { sudo: { enabled: true, nopasswd: true, rule: 'ALL' } }],
  ])('refuses %s', (_, fields) => {
    expect(() => parsePolicy(JSON.stringify({ version: 1, ...fields }), 'p.json')).toThrow(/expected/);
  });

  it.each(['', '[]', 'null', '{', '"x"'])('refuses %j', (text) => {
    expect(() => parsePolicy(text, 'p.json')).toThrow(/p\.json/);
  });
});

describe('the policy file', () => {
  let directory: string;
  let file: string;
  const me = process.getuid?.() ?? 0;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'policy-'));
    file = join(directory, 'policy.json');
    writeFileSync(file, '{"version":1}', { mode: 0o600 });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is read when it belongs to its owner alone', () => {
    expect(loadPolicy(file, me).version).toBe(1);
  });

  it.each([0o620, 0o602, 0o666])('is refused with mode %o', (mode) => {
    chmodSync(file, mode);

    expect(() => loadPolicy(file, me)).toThrow(/others could write it/);
  });

  it('is refused when it belongs to somebody else', () => {
    expect(() => loadPolicy(file, me + 1)).toThrow(/belongs to uid/);
  });

  it('is refused when it is a link', () => {
    symlinkSync(file, join(directory, 'link'));

    expect(() => loadPolicy(join(directory, 'link'), me)).toThrow(/cannot be read/);
  });
});
