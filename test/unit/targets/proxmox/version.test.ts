import { expect, test } from 'vitest';
import { SourceUnavailable } from '../../../../src/domain/errors.js';
import { atLeast, parseProxmoxVersion, readProxmoxVersion } from '../../../../src/targets/proxmox/version.js';
import { fakeApi, never } from './fake-api.js';

test.each([
  ['9.1.4', 9, 1],
  ['8.4', 8, 4],
  ['8.3-2', 8, 3],
  ['9.0.0~11', 9, 0],
  ['10.12.1', 10, 12],
])('reads %s', (text, major, minor) => {
  expect(parseProxmoxVersion(text)).toEqual({ major, minor, text });
});

test.each(['', '9', 'nine.one', 'v9.1', '9.x'])('takes %j for no version', (text) => {
  expect(parseProxmoxVersion(text)).toBeUndefined();
});

test.each([
  ['9.1.4', '9.1', true],
  ['9.0.11', '9.1', false],
  ['8.4.1', '9.1', false],
  ['10.0.1', '9.1', true],
  ['8.4.1', '8.4', true],
  ['8.3.5', '8.4', false],
  ['9.0.0~11', '8.4', true],
  ['8.10.1', '8.4', true],
] as const)('%s is at least %s: %s', (text, release, expected) => {
  const version = parseProxmoxVersion(text) ?? { major: 0, minor: 0 };

  expect(atLeast(version, release)).toBe(expected);
});

test('asks PVE for it, and says so where the answer is no version', async () => {
  const good = await readProxmoxVersion(fakeApi(() => ({ data: { version: '9.1.4' } })).client, never());
  const odd = readProxmoxVersion(fakeApi(() => ({ data: { version: 'unknown' } })).client, never());

  expect(good).toEqual({ major: 9, minor: 1, text: '9.1.4' });
  await expect(odd).rejects.toThrow(SourceUnavailable);
  await expect(odd).rejects.toThrow(/"unknown".*no version/);
});
