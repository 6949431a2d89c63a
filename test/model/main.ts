// `npm run model -- --seed N --steps N`: random courses of events against the simulators, judged by a model. The last
// line of stdout is JSON with the counts; everything else goes to stderr.
import { parseArgs } from 'node:util';
import { createTestAuthority } from '../simulators/tls.js';
import { courseOf } from './actions.js';
import { runCourse } from './run.js';
import { shrink } from './shrink.js';
import { courseSeed, STEPS_IN_A_WORLD } from './worlds.js';

const { values } = parseArgs({
  options: {
    /** One world of this seed alone, as a failure names it. */
    course: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    steps: { type: 'string', default: '1000' },
    log: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
process.exitCode = await main(Number(values.seed), Number(values.steps));
process.exit();

async function main(seed: number, steps: number): Promise<number> {
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(steps) || steps < 1) {
    say('usage: npm run model -- [--seed N] [--steps N] [--course N] [--log] [--no-shrink]');
    return 2;
  }
  const authority = await createTestAuthority();
  const startedAt = performance.now();
  const actions: Record<string, number> = {};
  let done = 0;
  let crashes = 0;
  let violations = 0;
  for (let world = 0; done < steps && violations === 0; world += 1) {
    const ownSeed = values.course === undefined ? courseSeed(seed, world) : Number(values.course);
    const most = values.course === undefined ? STEPS_IN_A_WORLD : steps;
    const course = courseOf(ownSeed, Math.min(most, steps - done));
    const run = await runCourse(ownSeed, course, authority);
    for (const { kind } of course.slice(0, run.steps)) actions[kind] = (actions[kind] ?? 0) + 1;
    done += Math.min(run.steps, course.length);
    crashes += run.crashes;
    violations += run.violations.length;
    if (run.failedAt === undefined) continue;
    say(`seed ${seed}, step ${run.failedAt} of a world; again with: --course ${ownSeed} --steps ${course.length}`);
    for (const { invariant, what } of run.violations) say(`  ${invariant}: ${what}`);
    if (values.log) say(run.log.slice(-400).join('\n'));
    const found = course.slice(0, run.failedAt);
    const least = values.shrink ? await shrink(ownSeed, found, run.violations[0]?.invariant, authority) : found;
    say(`${least.length} actions that do it, of ${found.length}:`);
    for (const action of least) say(`  ${JSON.stringify(action)}`);
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  process.stdout.write(`${JSON.stringify({ seed, steps: done, seconds, crashes, actions, violations })}\n`);
  return violations === 0 ? 0 : 1;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
