import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDotenvName, parseDotenv } from '../../../src/config/dotenv-file.js';

const python = spawnSync('python3', ['-c', 'import dotenv.main'], { encoding: 'utf8' });
const where = python.status === 0 ? '' : ' (skipped: python-dotenv is not installed)';

function read(text: string, environment: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(parseDotenv(text, environment).assignments.map(({ name, value }) => [name, value]));
}

/** What python-dotenv itself reads in each text; null where it warns of a line. */
function askPython(texts: readonly string[]): (Record<string, string | null> | null)[] {
  const program = [
    'import io, json, sys',
    'from dotenv.main import DotEnv',
    'from dotenv.parser import parse_stream',
    'def values(text):',
    '    if any(binding.error for binding in parse_stream(io.StringIO(text, newline=""))): return None',
    '    return dict(DotEnv(None, stream=io.StringIO(text, newline=""), override=False).dict())',
    'print(json.dumps([values(text) for text in json.load(sys.stdin)]))',
  ].join('\n');
  const asked = spawnSync('python3', ['-c', program], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (asked.status !== 0) throw new Error(asked.stderr);
  return JSON.parse(asked.stdout) as (Record<string, string | null> | null)[];
}

const piece = fc.constantFrom(
  ...[
    'A',
    'B',
    '=',
    '=',
    ' ',
    '\t',
    '"',
    "'",
    '#',
    ' # x',
    '\\',
    '\\n',
    "\\'",
    '\\"',
    `\${A}`,
    `\${B:-d}`,
    `\${`,
    '\n',
  ],
  ...['\n', '\r\n', 'export ', 'v', 'LakeFS*', '$', '}', 'é', '\u2028'],
);
const texts = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));

describe('a .env file', () => {
  it('has comments that reach to the end of the line, whatever separates lines elsewhere', () => {
    expect(read('A=v # x\u2028y\nB=w # z\u2029')).toEqual({ A: 'v', B: 'w' });
  });

  it('may have exports, comments behind values, quotes and escapes', () => {
    const values = read(
      [
        '# lakeFS',
        'export ENTRA_TENANT_ID=aaaa # of the tenant',
        'GROUP_FILTER = "LakeFS\\tProject*" # tab',
        "LAKEFS_SECRET_ACCESS_KEY='it\\'s #1'",
        'LAKEFS_ENDPOINT=https://example.com/#x',
        'EMPTY=',
        'NOTHING',
      ].join('\n'),
    );

    expect(values).toEqual({
      ENTRA_TENANT_ID: 'aaaa',
      GROUP_FILTER: 'LakeFS\tProject*',
      LAKEFS_SECRET_ACCESS_KEY: "it's #1",
      LAKEFS_ENDPOINT: 'https://example.com/#x',
      EMPTY: '',
    });
  });

  it('is filled in from the environment first, then from earlier lines, then with what is said behind :-', () => {
    const text = `ORG=mine\nONE=\${ORG}\nTWO=\${REGION:-eu}\nTHREE=\${NONE}.\nFOUR='\${ORG}'`;

    expect(read(text)).toMatchObject({ ONE: 'mine', TWO: 'eu', THREE: '.', FOUR: 'mine' });
    expect(read(text, { ORG: 'theirs', REGION: 'us' })).toMatchObject({ ONE: 'theirs', TWO: 'us' });
  });

  it('with a line that cannot be read says which, without its text, and goes on behind it', () => {
    const file = parseDotenv('A=1\nB="never closed\nC=3\n');

    expect(file.problems).toEqual([{ line: 2, name: undefined, expected: expect.stringContaining('python-dotenv') }]);
    expect(file.assignments.map(({ name, line }) => [name, line])).toEqual([
      ['A', 1],
      ['C', 3],
    ]);
  });

  it.skipIf(python.status !== 0)(`is read as python-dotenv reads it${where}`, () => {
    const samples = fc.sample(texts, { numRuns: 5_000, seed: 20_261_122 });

    const expected = askPython(samples);

    const different = samples.flatMap((text, index): unknown[] => {
      const wanted = expected[index];
      if (wanted === null || wanted === undefined) {
        return parseDotenv(text).problems.length > 0 ? [] : [{ text, wanted: 'a problem' }];
      }
      const withValues = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
      return JSON.stringify(read(text)) === JSON.stringify(withValues) ? [] : [{ text, wanted, got: read(text) }];
    });
    expect(different.slice(0, 5)).toEqual([]);
    expect(expected.filter((values) => values !== null && Object.keys(values).length > 0).length).toBeGreaterThan(300);
  });

  it('goes by its name', () => {
    expect(['.env', '.env.local', 'entramox.env', 'env', 'x.env.y'].map(isDotenvName)).toEqual([
      ...[true, true, false, false, false],
    ]);
  });
});
