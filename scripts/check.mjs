// `npm run check`: types, lint, import arrows, format and unit tests, in well under a minute.
// `npm run check -- --static` leaves the tests out, for whoever runs all of them anyway.
import { join } from 'node:path';
import { prepare, root } from './lib/bootstrap.mjs';
import { run } from './lib/processes.mjs';

const LIMIT_MS = 3 * 60_000;
const bin = (name) => join(root, 'node_modules', '.bin', name);

const lanes = [
  // Each lane runs its checks one after the other; the lanes run side by side, as many as a small machine has cores.
  [
    { name: 'types', command: bin('tsc'), args: ['--noEmit'] },
    { name: 'lint', command: bin('biome'), args: ['lint', '--error-on-warnings'] },
    { name: 'format', command: bin('biome'), args: ['check', '--linter-enabled=false'] },
  ],
  process.argv.includes('--static')
    ? []
    : [{ name: 'import arrows and unit tests', command: bin('vitest'), args: ['run', '--project', 'unit'] }],
];

const startedAt = Date.now();
await prepare({ debian: false, build: false });
const results = (await Promise.all(lanes.map(runLane))).flat();
for (const { name, ok, seconds, output } of results) {
  if (!ok) console.log(`\n== ${name} ==\n${output.trimEnd()}`);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
}
const failed = results.filter(({ ok }) => !ok).length;
console.log(
  `${failed === 0 ? 'All checks passed' : `${failed} of ${results.length} checks failed`} in ${elapsed(startedAt)} s`,
);
process.exitCode = failed === 0 ? 0 : 1;

async function runLane(checks) {
  const done = [];
  for (const { name, command, args } of checks) {
    const at = Date.now();
    const { code, timedOut, output } = await run(command, args, { cwd: root, timeoutMs: LIMIT_MS, capture: true });
    const late = timedOut ? `\nStopped after ${LIMIT_MS / 1000} s.` : '';
    done.push({ name, ok: code === 0 && !timedOut, seconds: elapsed(at), output: output + late });
  }
  return done;
}

function elapsed(since) {
  return ((Date.now() - since) / 1000).toFixed(1);
}
