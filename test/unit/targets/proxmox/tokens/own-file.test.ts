import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createOwnFile } from '../../../../../src/targets/proxmox/tokens/sinks/own-file.js';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-own-file-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('a secret that a killed run has left beside its file is removed by the next one, and nothing else is', async () => {
  const file = createOwnFile(join(dir, 'token'));
  await file.replace(Buffer.from('kept'));
  writeFileSync(join(dir, '.token.0123456789ab'), 'left behind');
  const others = ['.token.0123456789abc', '.token.0123', '.other.0123456789ab', 'x.token.0123456789ab'];
  for (const name of others) writeFileSync(join(dir, name), 'mine');
  mkdirSync(join(dir, '.token.111111111111'));
  symlinkSync(join(dir, others[0] ?? ''), join(dir, '.token.222222222222'));

  await file.probe();

  expect(readdirSync(dir).sort()).toEqual(['token', '.token.111111111111', '.token.222222222222', ...others].sort());
});
