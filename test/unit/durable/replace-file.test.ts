import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from '../../../src/durable/replace-file.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entramox-durable-'));
  path = join(folder, 'state.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const text = (name: string) => readFileSync(join(folder, name), 'utf8');

describe('a file that is replaced', () => {
  it('has the new content, the mode that was asked for, and nothing beside it', async () => {
    writeFileSync(path, 'old');

    await replaceFile(path, 'new', { mode: 0o600 });

    expect(text('state.json')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('keeps what it held before beside it, where that is wanted', async () => {
    await replaceFile(path, 'first', { mode: 0o640, keepsFormer: true });
    await replaceFile(path, 'second', { mode: 0o640, keepsFormer: true });
    await replaceFile(path, 'third', { mode: 0o640, keepsFormer: true });

    expect([text('state.json'), text('state.json.prev')]).toEqual(['third', 'second']);
    expect(readdirSync(folder).sort()).toEqual(['state.json', 'state.json.prev']);
  });

  it('takes no notice of what a crash left, whatever its mode', async () => {
    writeFileSync(`${path}.next`, 'half of a ver', { mode: 0o666 });

    await replaceFile(path, 'whole', { mode: 0o600 });

    expect(text('state.json')).toBe('whole');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('is what it was where the new content cannot be written, and the error says why', async () => {
    writeFileSync(path, 'old');
    mkdirSync(`${path}.next`);

    await expect(replaceFile(path, 'new', { mode: 0o600 })).rejects.toThrow(/state\.json\.next/);

    expect(text('state.json')).toBe('old');
  });

  it('gets its directory where that is missing and wanted', async () => {
    await replaceFile(join(folder, 'deep', 'state.json'), 'new', { mode: 0o600, directoryMode: 0o700 });

    expect(text('deep/state.json')).toBe('new');
    expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
  });
});
