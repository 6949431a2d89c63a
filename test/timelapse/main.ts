// `npm run timelapse -- --days 90 [--seed N]`: months of a subscription's life in seconds. The last line of stdout is
// JSON with counts and violations; everything else goes to stderr.
import { parseArgs } from 'node:util';
import { BREAKAGES } from './breakages.js';
import { runTimelapse } from './run.js';

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '90' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    log: { type: 'boolean', default: false },
    /** Puts a fault into the product, to see that it is found. */
    break: { type: 'string' },
    /** The last line is JSON in any case. */
    json: { type: 'boolean', default: false },
  },
});
process.exitCode = await main(Number(values.days), Number(values.seed));
process.exit();

async function main(days: number, seed: number): Promise<number> {
  const breakage = values.break === undefined ? undefined : BREAKAGES[values.break];
  const isUsage = !Number.isSafeInteger(days) || days < 1 || !Number.isSafeInteger(seed);
  if (isUsage || (values.break !== undefined && !breakage)) {
    say(`usage: npm run timelapse -- [--days N] [--seed N] [--log] [--break ${Object.keys(BREAKAGES).join('|')}]`);
    return 2;
  }
  const startedAt = performance.now();
  const run = await runTimelapse({
    seed,
    days,
    tamper: breakage?.tamper,
    onLog: (lines) => {
      if (values.log) for (const line of lines) say(line);
    },
  });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  for (const { invariant, at, what } of run.first) say(`${at} ${invariant}: ${what}`);
  process.stdout.write(`${JSON.stringify({ ...run, seconds })}\n`);
  return run.violations === 0 ? 0 : 1;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
