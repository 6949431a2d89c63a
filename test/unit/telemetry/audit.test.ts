import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Audit, noAudit, openAudit } from '../../../src/telemetry/audit.js';
import { registerSecret } from '../../../src/telemetry/redact.js';
import { ALICE, NOW } from '../domain/builders.js';

const step = {
  kind: 'step',
  by: 'sweep',
  action: 'lock',
  oid: ALICE,
  target: 'linux',
  name: 'alice',
  outcome: 'done',
} as const;

let dir: string;
let path: string;
let audit: Audit;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entramox-audit-'));
  path = join(dir, 'log', 'audit.ndjson');
  audit = openAudit(path, () => NOW);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function lines(file = path): Promise<unknown[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
}

describe('the audit log', () => {
  it('has one line for each record, with its time in UTC', async () => {
    audit.append({ ...step, before: { locked: false }, after: { locked: true } });
    audit.append({ ...step, outcome: 'failed', error: 'two\nlines' });
    audit.close();

    expect(await lines()).toMatchObject([
      { at: '2026-11-21T09:00:00.000Z', ...step, before: { locked: false }, after: { locked: true } },
      { at: '2026-11-21T09:00:00.000Z', ...step, outcome: 'failed', error: 'two\nlines' },
    ]);
  });

  it('is added to, never begun anew', async () => {
    audit.append(step);
    audit.close();
    const again = openAudit(path, () => NOW);
    again.append(step);
    again.close();

    expect(await lines()).toHaveLength(2);
  });

  it('is for its owner and group alone', async () => {
    audit.append(step);
    audit.close();

    expect((await stat(path)).mode & 0o137).toBe(0);
  });

  it('goes on in a new file after the old one was rotated away', async () => {
    audit.append(step);
    audit.flush();
    await rename(path, `${path}.1`);
    audit.append(step);
    audit.flush();
    audit.append({ ...step, action: 'unlock' });
    audit.close();

    expect(await lines(`${path}.1`)).toHaveLength(2);
    expect(await lines()).toMatchObject([{ seq: 3, firstOfFile: true, action: 'unlock' }]);
  });

  it('never holds a secret, whoever put it into a record', async () => {
    const secret = 'the-very-secret-of-the-audit-test';
    registerSecret(secret);
    audit.append({ ...step, outcome: 'failed', error: `401 for ${secret}`, before: { list: [secret] }, after: secret });
    audit.close();

    const text = await readFile(path, 'utf8');
    expect(text).not.toContain(secret);
    expect(text).toContain('[redacted]');
  });

  it('throws where a record cannot be written', () => {
    audit.close();

    expect(() => audit.append(step)).toThrow('EBADF');
  });

  it('says at once where it cannot be opened', async () => {
    await writeFile(join(dir, 'file'), '');

    expect(() => openAudit(join(dir, 'file', 'audit.ndjson'), () => NOW)).toThrow();
  });

  it('writes nothing in its empty form', () => {
    expect([noAudit.append(step), noAudit.flush(), noAudit.close()]).toEqual([undefined, undefined, undefined]);
  });
});
