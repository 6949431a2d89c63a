// `npm run bench [-- NAME…] [--quick] [--table]`: one JSON line for each benchmark on stdout, everything else on stderr.
import { parseArgs } from 'node:util';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { BENCHES, type BenchName, type Figure, type Line, lineOf } from './figure.js';
import { benchIntake } from './intake/intake.js';
import { benchLakefs } from './lakefs/lakefs.js';
import { benchLeaver } from './leaver/leaver.js';
import { benchCreatingSweep } from './sweep/create.js';
import { benchNoopSweep } from './sweep/noop.js';
import { markdownTable } from './table.js';

/** `--quick` looks whether everything works; its times mean nothing. */
const QUICK_CREATIONS = 10;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, table: { type: 'boolean', default: false } },
  });
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench === name));
  if (unknown.length > 0) {
    say(`no benchmark is called ${unknown.join(', ')}; there are ${BENCHES.join(', ')}`);
    return 2;
  }
  const lines: Line[] = [];
  let failed = false;
  for (const bench of BENCHES.filter((name) => positionals.length === 0 || positionals.includes(name))) {
    try {
      const line = await measure(bench, values.quick);
      lines.push(line);
      process.stdout.write(`${JSON.stringify(line)}\n`);
    } catch (error) {
      failed = true;
      say(`${bench} failed: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (values.table) say(markdownTable(lines, new Date()));
  return failed ? 1 : 0;
}

async function measure(bench: BenchName, quick: boolean): Promise<Line> {
  const needsRoot = !(bench === 'intake' || bench.startsWith('lakefs-'));
  const lack = needsRoot ? sandboxUnavailable() : undefined;
  if (lack !== undefined) {
    say(`${bench} is left out: ${lack}`);
    return { bench, skipped: lack };
  }
  const startedAt = performance.now();
  say(`${bench} …`);
  const figure = await run(bench, quick);
  say(`${bench} took ${Math.round((performance.now() - startedAt) / 1000)} s`);
  return lineOf(bench, figure, quick);
}

function run(bench: BenchName, quick: boolean): Promise<Figure> {
  switch (bench) {
    case 'intake':
      return benchIntake(quick);
    case 'leaver-warm':
      return benchLeaver('warm', quick);
    case 'leaver-cold':
      return benchLeaver('cold', quick);
    case 'sweep-noop-1000':
      return benchNoopSweep(1_000, quick);
    case 'sweep-noop-5000':
      return benchNoopSweep(5_000, quick);
    case 'sweep-create-500':
      return benchCreatingSweep(quick ? QUICK_CREATIONS : 500);
    case 'lakefs-first-200x1000':
      return benchLakefs('first', quick);
    case 'lakefs-noop-200x1000':
      return benchLakefs('noop', quick);
    default:
      return bench satisfies never;
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
