import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../../src/accounts/exec.js';
import { removeDraft } from '../../../src/accounts/restore.js';

describe('a home that a restoration put aside', () => {
  let root: string;
  let draft: string;
  let skeleton: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'restore-'));
    [draft, skeleton] = [join(root, 'draft'), join(root, 'skel')];
    mkdirSync(join(draft, '.former-home'), { recursive: true });
    mkdirSync(skeleton);
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const rm: Run = async (_, args) => {
    rmSync(args.at(-1) ?? '', { recursive: true });
    return { code: 0, stdout: '', stderr: '' };
  };

  it('is removed with the draft while it is as it was made', async () => {
    await removeDraft(draft, skeleton, rm);

    expect(existsSync(draft)).toBe(false);
  });

  it('is never removed with anything of its own', async () => {
    writeFileSync(join(draft, '.former-home/thesis'), 'mine');

    await expect(removeDraft(draft, skeleton, rm)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining(join(draft, '.former-home')),
    });
    expect(existsSync(join(draft, '.former-home/thesis'))).toBe(true);
  });

  it('is not removed either where it cannot be told', async () => {
    // Too large to be compared in memory.
    for (const file of [join(skeleton, 'image'), join(draft, '.former-home/image')]) {
      writeFileSync(file, '');
      truncateSync(file, 3 * 1024 ** 3);
    }

    await expect(removeDraft(draft, skeleton, rm)).rejects.toMatchObject({ code: 'failed' });
    expect(existsSync(join(draft, '.former-home/image'))).toBe(true);
  });
});
