import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCredentialFile } from '../../../../../src/targets/proxmox/tokens/sinks/credential-file.js';

const STORED = {
  'full-tokenid': 'entramox@pve!entramox',
  info: { comment: 'x', expire: 0, privsep: 1 as const },
  value: '00000000-0000-4000-8000-000000000000',
};

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-credential-'));
  path = join(dir, 'pve-api-token');
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

test('stores a token in the form that PVE_API_TOKEN has, for its owner alone, and gives it back', async () => {
  const sink = createCredentialFile(path);

  await sink.store(STORED);

  expect(readFileSync(path, 'utf8')).toBe(`${STORED['full-tokenid']}=${STORED.value}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await sink.read()).toMatchObject({ 'full-tokenid': STORED['full-tokenid'], value: STORED.value });
});

test('reads what somebody pasted with PVEAPIToken= before it', async () => {
  writeFileSync(path, `PVEAPIToken=${STORED['full-tokenid']}=${STORED.value}`, { mode: 0o600 });

  expect(await createCredentialFile(path).read()).toMatchObject({ value: STORED.value });
});

test.each(['hunter2-hunter2\n', '', '{"value":"hunter2-hunter2"}'])(
  'takes nothing else for a token, and repeats nothing of it: %j',
  async (text) => {
    writeFileSync(path, text, { mode: 0o600 });

    const reading = createCredentialFile(path).read();

    await expect(reading).rejects.toThrow(/pve-api-token holds something else than an API token/);
    await expect(reading).rejects.not.toThrow(/hunter2/);
  },
);
