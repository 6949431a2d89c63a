import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openToolNote } from '../../../src/accounts/tool-note.js';

describe('the note of the last tool', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'note-'));
    file = join(directory, 'last-tool');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('tells the next agent which tool was started last', () => {
    const note = openToolNote(file);
    note.write({ tool: 'groupadd', pid: 4_194_303 });
    note.write({ tool: 'chage', pid: 7 });

    expect(openToolNote(file).read()).toEqual({ tool: 'chage', pid: 7 });
  });

  it('is written over in place, so that it needs no room', () => {
    const note = openToolNote(file);
    note.write({ tool: 'groupadd', pid: 4_194_303 });
    const length = readFileSync(file).length;

    note.write({ tool: 'chage', pid: 7 });

    expect(readFileSync(file)).toHaveLength(length);
  });

  it.each(['', 'useradd', '../x 7', 'useradd 7 8', '\0'.repeat(64)])('that says %j is none', (text) => {
    writeFileSync(file, text);

    expect(openToolNote(file).read()).toBeUndefined();
  });

  it('that cannot be kept hinders nobody, and a link in its place is not followed', () => {
    writeFileSync(join(directory, 'precious'), 'precious');
    symlinkSync(join(directory, 'precious'), file);

    openToolNote(file).write({ tool: 'chage', pid: 7 });
    openToolNote(join(directory, 'none/last-tool')).write({ tool: 'chage', pid: 7 });

    expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('precious');
    expect([openToolNote(file).read(), openToolNote(join(directory, 'none/last-tool')).read()]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
