import { parseArgs } from 'node:util';
import { messageOf } from '../../src/domain/errors.js';
import type { FuzzTarget } from './target.js';
import { targets } from './targets/index.js';

/** A target is left for the next one after so long, so that all of them get their share. */
const LONGEST_TURN_MS = 20_000;

const USAGE = 'npm run fuzz -- [--minutes N] [--seed S] [--only NAME] [--path P]';

interface Wanted {
  minutes: number;
  seed: number;
  path: string | undefined;
  chosen: readonly FuzzTarget[];
}

/** Random inputs for every target in turn until the time is over. The first input that breaks one ends it. */
async function main(): Promise<number> {
  const { minutes, seed, path, chosen } = wanted();
  const until = Date.now() + minutes * 60_000;
  console.error(`seed ${seed}, ${minutes} minutes, ${chosen.map(({ name }) => name).join(', ')}`);
  const turnMs = Math.min(LONGEST_TURN_MS, (minutes * 60_000) / chosen.length);
  for (let round = 0; ; round += 1) {
    for (const target of chosen) {
      const leftMs = until - Date.now();
      if (leftMs <= 0) return 0;
      const turn = { seed: seed + round, limitMs: Math.min(leftMs, turnMs), ...(path === undefined ? {} : { path }) };
      if (!(await holds(target, turn))) return 1;
    }
    if (path !== undefined) return 0;
  }
}

async function holds(target: FuzzTarget, turn: { seed: number; limitMs: number; path?: string }): Promise<boolean> {
  const fuzz = await target.open();
  try {
    await fuzz.check(turn);
    console.error(`ok   ${target.name}, seed ${turn.seed}`);
    return true;
  } catch (error) {
    const text = wordsOf(error);
    const found = /path: "([\d:]+)"/.exec(text)?.[1];
    console.error(`FAIL ${target.name}: it must hold that it ${target.holds}\n${text}`);
    const again = found === undefined ? '' : ` --path ${found}`;
    console.log(`npm run fuzz -- --only ${target.name} --seed ${turn.seed}${again}`);
    return false;
  } finally {
    await fuzz.close();
  }
}

/** fast-check names the input, and what it broke as the cause. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${wordsOf(error.cause)}`;
}

function wanted(): Wanted {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      only: { type: 'string', multiple: true },
      path: { type: 'string' },
    },
  });
  const { only, path } = values;
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  const chosen = only ? targets.filter(({ name }) => only.includes(name)) : targets;
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error(`minutes and seed are numbers: ${USAGE}`);
  if (chosen.length === 0 || (only && chosen.length < only.length)) {
    throw new Error(`the names are ${targets.map(({ name }) => name).join(', ')}: ${USAGE}`);
  }
  return { minutes, seed, path, chosen };
}

process.on('unhandledRejection', (error) => {
  console.error(`FAIL a rejection that nobody handled: ${messageOf(error)}`);
  process.exit(1);
});
process.exitCode = await main().catch((error: unknown) => {
  console.error(messageOf(error));
  return 2;
});
