import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDebianPackages } from './debian.mjs';
import { staleness } from './lock-file.mjs';
import { run } from './processes.mjs';

/** The folder of package.json. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const MINIMUM_NODE = [20, 19];
const INSTALL_TIMEOUT_MS = 8 * 60_000;
const BUILD_TIMEOUT_MS = 2 * 60_000;

/** All noise goes here: stdout belongs to what the caller was asked for. */
export const toStderr = ['ignore', 2, 2];

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Brings a fresh clone to the point where everything can run: Node version, npm packages, Debian packages, build.
 * Writes to stderr only. Throws an Error whose message is for the person at the keyboard.
 *
 * @param {{ debian?: boolean, build?: boolean }} [wanted]
 */
export async function prepare({ debian = true, build = true } = {}) {
  requireNode(process.versions.node);
  await ensureNpmPackages();
  if (debian) await ensureDebianPackages({ root, say });
  if (build) await runBuild();
}

/** @param {string} version as in `process.versions.node` */
export function requireNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = MINIMUM_NODE;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new Error(`Node ${version} is too old: install Node ${MINIMUM_NODE.join('.')} or newer.`);
}

async function ensureNpmPackages() {
  const why = staleness(root);
  if (why === undefined) return;
  say(`Installing npm packages: ${why}`);
  const { code, timedOut } = await run('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    timeoutMs: INSTALL_TIMEOUT_MS,
    stdio: toStderr,
  });
  if (timedOut)
    throw new Error(`npm ci did not end within ${INSTALL_TIMEOUT_MS / 60_000} minutes: is npm's registry reachable?`);
  if (code !== 0) throw new Error(`npm ci failed with ${code}; its reason is above.`);
}

async function runBuild() {
  const { code } = await run(process.execPath, [join(root, 'scripts', 'build.mjs')], {
    cwd: root,
    timeoutMs: BUILD_TIMEOUT_MS,
    stdio: toStderr,
  });
  if (code !== 0) throw new Error(`The build failed with ${code}; its reason is above.`);
}

/**
 * Prepares the tree, then runs one TypeScript program of this repository with the arguments of the command line, its
 * stdin and stdout those of the caller, and ends this process with its exit code.
 *
 * @param {string} program path below the root
 * @param {{ timeoutMs: number }} options
 */
export async function prepareAndRun(program, { timeoutMs }) {
  try {
    await prepare();
    const tsx = join(root, 'node_modules', '.bin', 'tsx');
    const { code, timedOut, output } = await run(tsx, [program, ...process.argv.slice(2)], {
      cwd: root,
      timeoutMs,
      stdio: 'inherit',
    });
    if (output !== '') say(output.trim());
    if (timedOut) say(`${program} did not end within ${Math.round(timeoutMs / 60_000)} minutes and was stopped.`);
    process.exitCode = timedOut ? 1 : code;
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
