import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './processes.mjs';

/**
 * Runs one vitest project and tells how it went. A run that dies, hangs or leaves no outcome counts as one failure.
 *
 * @param {{ root: string, project: string, timeoutMs: number, filters?: readonly string[] }} options
 * @returns {Promise<{ passed: number, failed: { name: string, why: string }[], skipped: { name: string, why: string }[],
 *   wavering: { name: string, why: string }[] }>} `wavering`: passed, but only when tried again
 */
export async function runProject({ root, project, timeoutMs, filters = [] }) {
  const folder = mkdtempSync(join(tmpdir(), 'entramox-outcome-'));
  const file = join(folder, 'outcome.json');
  try {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const reporter = join(root, 'scripts', 'lib', 'outcome-reporter.mjs');
    const args = ['run', '--project', project, '--reporter=default', `--reporter=${reporter}`, ...filters];
    const ended = await run(process.execPath, [vitest, ...args], {
      cwd: root,
      timeoutMs,
      env: { ...process.env, OUTCOME_FILE: file },
    });
    return judge(project, ended, existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a run amounts to, from its exit and from the outcome it left (undefined: none). */
export function judge(project, { code, timedOut }, outcome) {
  const fair = outcome ?? { passed: 0, failed: [], skipped: [], wavering: [] };
  const failed = [...fair.failed];
  const name = `${project} tests`;
  if (timedOut) failed.push({ name, why: 'did not end in time and were stopped' });
  else if (outcome === undefined) failed.push({ name, why: `ended with ${code} and left no outcome` });
  else if (code !== 0 && failed.length === 0) failed.push({ name, why: `vitest ended with ${code}` });
  return { ...fair, failed };
}
