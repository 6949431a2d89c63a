// `npm run mutation [-- FILE…]`: changes the code of `src/domain` and the deciding half of `src/accounts` in small ways,
// one at a time, and runs their unit tests against each. The last line is `mutation score: N`: the share of changes that
// some test noticed. Surviving changes are listed above it. Exit code 1 below 85.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root, say } from './lib/bootstrap.mjs';
import { run } from './lib/processes.mjs';

const LIMIT_MS = 60 * 60_000;
const WANTED = 85;
const CAUGHT = ['Killed', 'Timeout'];
const MISSED = ['Survived', 'NoCoverage'];

const files = process.argv.slice(2);
const only = files.length > 0 ? ['--mutate', files.join(',')] : [];
await prepare({ debian: false, build: false });
const { code, timedOut } = await run(
  join(root, 'node_modules', '.bin', 'stryker'),
  ['run', 'test/mutation/stryker.config.json', ...only],
  { cwd: root, timeoutMs: LIMIT_MS, stdio: ['ignore', 1, 2] },
);
if (code !== 0 || timedOut) {
  say(timedOut ? `stopped after ${LIMIT_MS / 60_000} minutes` : `stryker ended with ${code}`);
  process.exit(1);
}
const score = scoreOf(JSON.parse(readFileSync(join(root, '.cache', 'mutation', 'report.json'), 'utf8')));
console.log(`mutation score: ${score.toFixed(2)}`);
process.exitCode = score >= WANTED ? 0 : 1;

/** In percent; what did not compile or was ignored with a reason does not count. */
function scoreOf({ files }) {
  const mutants = Object.values(files).flatMap((file) => file.mutants);
  const count = (states) => mutants.filter(({ status }) => states.includes(status)).length;
  const caught = count(CAUGHT);
  return (100 * caught) / (caught + count(MISSED));
}
