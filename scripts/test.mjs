// `npm test`: everything, from a fresh clone with Node and npm only. The last line is `N passed, N failed, N skipped`.
import { prepare, root, say } from './lib/bootstrap.mjs';
import { runProject } from './lib/vitest.mjs';

const LIMIT_MS = 45 * 60_000;
const PROJECTS = ['unit', 'integration'];

const deadline = Date.now() + LIMIT_MS;
const total = { passed: 0, failed: [], skipped: [], wavering: [] };

try {
  await prepare();
  for (const project of PROJECTS) {
    console.log(`\n== ${project} tests ==`);
    const outcome = await runProject({ root, project, timeoutMs: Math.max(1_000, deadline - Date.now()) });
    total.passed += outcome.passed;
    total.failed.push(...outcome.failed);
    total.skipped.push(...outcome.skipped);
    total.wavering.push(...outcome.wavering);
  }
  if (total.passed + total.failed.length === 0) total.failed.push({ name: 'all tests', why: 'no test ran' });
} catch (error) {
  say(error.message);
  total.failed.push({ name: 'preparation', why: error.message.split('\n', 1)[0] });
}

console.log('');
list('Skipped', total.skipped);
list('Passed only when tried again, which is a fault to be found', total.wavering);
list('Failed', total.failed);
console.log(`${total.passed} passed, ${total.failed.length} failed, ${total.skipped.length} skipped`);
process.exitCode = total.failed.length > 0 ? 1 : 0;

function list(title, entries) {
  if (entries.length === 0) return;
  console.log(`${title}:`);
  for (const { name, why } of entries) console.log(`  ${name}: ${why}`);
  console.log('');
}
