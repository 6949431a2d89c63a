// `npm run coverage`: every branch of the code that mutation testing covers (test/mutation/stryker.config.json says which)
// is taken by a unit test, or a comment says why none can: `// Never reached: WHY` on the line itself or right above.
// What the compiler proves unreachable (`satisfies never`) needs no comment.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { prepare, root } from './lib/bootstrap.mjs';
import { run } from './lib/processes.mjs';

const LIMIT_MS = 5 * 60_000;
const REPORT = '.cache/coverage';
const { mutate } = JSON.parse(readFileSync(join(root, 'test/mutation/stryker.config.json'), 'utf8'));

await prepare({ debian: false, build: false });
const { code, output } = await run(
  join(root, 'node_modules', '.bin', 'vitest'),
  [
    ...['run', '--config', 'test/mutation/vitest.config.ts', '--coverage', '--coverage.reporter=json'],
    ...[`--coverage.reportsDirectory=${REPORT}`, ...mutate.map((files) => `--coverage.include=${files}`)],
  ],
  { cwd: root, timeoutMs: LIMIT_MS, capture: true },
);
if (code !== 0) {
  console.log(output);
  process.exit(1);
}
const report = JSON.parse(readFileSync(join(root, REPORT, 'coverage-final.json'), 'utf8'));
const branches = Object.values(report).flatMap(branchesOf);
const untaken = branches.filter(({ taken, reason }) => !taken && !reason);
for (const { file, line, text } of untaken) console.log(`${file}:${line}: no test takes a branch of: ${text}`);
const excused = branches.filter(({ taken, reason }) => !taken && reason).length;
console.log(`${branches.length} branches: ${untaken.length} untaken, ${excused} that cannot be taken and say why`);
process.exitCode = branches.length > 0 && untaken.length === 0 ? 0 : 1;

function branchesOf({ path, branchMap, b: hits }) {
  const file = relative(root, path);
  const lines = readFileSync(path, 'utf8').split('\n');
  return Object.entries(branchMap).flatMap(([id, branch]) =>
    branch.locations.map((location, index) => {
      // An `else` that is not written has no place of its own.
      const line = location.start.line ?? branch.loc.start.line;
      const text = (lines[line - 1] ?? '').trim();
      return { file, line, text, taken: hits[id][index] > 0, reason: hasReason(lines, line) };
    }),
  );
}

function hasReason(lines, line) {
  const near = [lines[line - 2], lines[line - 1], lines[line]].join('\n');
  return near.includes('satisfies never') || /\/\/ Never reached: \S/.test(near);
}
