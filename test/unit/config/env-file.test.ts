import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvFile, quoteEnvValue } from '../../../src/config/env-file.js';

function readKey(text: string): string | undefined {
  return parseEnvFile(text).assignments.find(({ name }) => name === 'KEY')?.value;
}

describe('parseEnvFile', () => {
  it.each([
    ['a bare value loses the white space around it', 'KEY=  some words \t', 'some words'],
    ['white space around the name is dropped', '  KEY = value', 'value'],
    ['a hash inside a value is part of it, as in systemd', 'KEY=value # not a comment', 'value # not a comment'],
    ['single quotes keep backslashes and dollars', `KEY='a\\n$HOME "b"'`, 'a\\n$HOME "b"'],
    ['double quotes unescape quote, backslash, backtick and dollar', 'KEY="\\"\\\\\\`\\$"', '"\\`$'],
    ['double quotes keep a backslash before anything else', 'KEY="a\\nb"', 'a\\nb'],
    ['a backslash at the end of a line joins it with the next', 'KEY=one\\\ntwo', 'onetwo'],
    ['a backslash at the end of a line joins inside double quotes too', 'KEY="one\\\ntwo"', 'onetwo'],
    ['quotes hold newlines', 'KEY="one\ntwo"', 'one\ntwo'],
    ['several quoted pieces are joined', `KEY="a " 'b'`, 'a b'],
    ['a quote inside a bare value is a plain character', `KEY=it's`, "it's"],
    ['nothing is expanded', 'KEY=$HOME/$X', '$HOME/$X'],
    ['an escaped blank at the end stays', 'KEY=a\\ ', 'a '],
    ['nothing after the equals sign is an empty value', 'KEY=', ''],
    ['an equals sign in the value stays', 'KEY=user@pve!id=secret', 'user@pve!id=secret'],
    ['a byte order mark before the first name is dropped', '\uFEFFKEY=value', 'value'],
    ['DOS line ends are line ends', 'KEY=value\r\nOTHER=1\r\n', 'value'],
    ['a backslash before a DOS line end joins', 'KEY=one\\\r\ntwo\r\n', 'onetwo'],
    ['the last line needs no newline', '# comment\nKEY=value', 'value'],
  ])('%s', (_, text, expected) => {
    const value = readKey(text);

    expect(value).toBe(expected);
  });

  it('skips empty lines and comments of both kinds', () => {
    const { assignments, problems } = parseEnvFile('\n# KEY=1\n  ; KEY=2\n\nOTHER=3\n');

    expect(assignments).toEqual([{ name: 'OTHER', value: '3', line: 5 }]);
    expect(problems).toEqual([]);
  });

  it('counts lines through continued and quoted values', () => {
    const { assignments } = parseEnvFile('A="1\n2"\nB=x\\\ny\nC=3\n');

    expect(assignments.map(({ name, line }) => [name, line])).toEqual([
      ['A', 1],
      ['B', 3],
      ['C', 5],
    ]);
  });

  it('names line and name of what it refuses, never the value, and reads on', () => {
    const { assignments, problems } = parseEnvFile(
      'hunter2\nexport KEY=hunter2\n1KEY=hunter2\nGOOD=1\nOPEN="hunter2\n',
    );

    expect(problems.map(({ line, name }) => [line, name])).toEqual([
      [1, undefined],
      [2, 'KEY'],
      [3, undefined],
      [5, 'OPEN'],
    ]);
    expect(assignments).toEqual([{ name: 'GOOD', value: '1', line: 4 }]);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('never throws and ends, whatever the text is', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({
        unit: fc.constantFrom('K', '=', '"', "'", '\\', '\n', '\r', '#', ';', ' ', '$', '\0'),
        maxLength: 60,
      }),
    );

    fc.assert(
      fc.property(text, (source) => {
        const { assignments, problems } = parseEnvFile(source);

        const lines = source.split(/\r\n|\r|\n/).length;
        for (const { line } of [...assignments, ...problems]) expect(line).toBeLessThanOrEqual(lines);
        for (const { name } of assignments) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads back every value that quoteEnvValue wrote, with everything around it', () => {
    const value = fc
      .oneof(
        fc.string({ unit: 'binary', maxLength: 80 }),
        fc.string({ unit: fc.constantFrom('a', '=', '"', "'", '\\', '\n', '#', ' ', '$', '`', '\t'), maxLength: 30 }),
      )
      .filter((text) => !text.includes('\0') && !text.includes('\r'));

    fc.assert(
      fc.property(value, value, (one, other) => {
        const { assignments, problems } = parseEnvFile(
          `ONE=${quoteEnvValue(one)}\n# between\nTWO=${quoteEnvValue(other)}\n`,
        );

        expect(problems).toEqual([]);
        expect(assignments.map((assignment) => assignment.value)).toEqual([one, other]);
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps what stands in single quotes as it is', () => {
    const value = fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => !/['\0\r]/.test(text));

    fc.assert(
      fc.property(value, (text) => {
        const read = readKey(`KEY='${text}'\n`);

        expect(read).toBe(text);
      }),
    );
  });
});
