import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const PRISM = fileURLToPath(new URL('node_modules/@stoplight/prism-cli/dist/index.js', import.meta.url));
/** Beside the checkout, where the contract documents are kept. */
const CONTRACT = fileURLToPath(
  new URL('../../../shared/reference/contracts/lakefs-auth.openapi.yaml', import.meta.url),
);
const INSTALL_MS = 300_000;
const START_MS = 120_000;

/** Prism in front of a server. */
export interface Proxy {
  /** `http://127.0.0.1:PORT`, without the base path of the API. */
  readonly url: string;
  /** What it printed, violations among it. */
  output(): string;
  close(): Promise<void>;
}

/**
 * Installs Prism beside this file where that has not been done; gives why the contract cannot be checked here, or
 * undefined where it can. It is kept out of the project's own dependencies, being larger than all of them.
 */
export function prismUnavailable(): string | undefined {
  if (!existsSync(CONTRACT)) return 'the contract document is not beside this checkout';
  if (isInstalled()) return undefined;
  const install = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: HERE,
    encoding: 'utf8',
    timeout: INSTALL_MS,
  });
  if (install.status === 0 && isInstalled()) return undefined;
  const words = `${install.stderr || install.stdout || install.error?.message || ''}`.trim().split('\n').at(-1);
  return `Prism cannot be installed (npm ci: ${words})`;
}

/** npm writes what it installed beside it, once it is done. */
function isInstalled(): boolean {
  const marker = fileURLToPath(new URL('node_modules/.package-lock.json', import.meta.url));
  if (!existsSync(PRISM) || !existsSync(marker)) return false;
  const versionIn = (file: string): unknown =>
    JSON.parse(readFileSync(file, 'utf8')).packages['node_modules/@stoplight/prism-cli']?.version;
  return versionIn(marker) === versionIn(fileURLToPath(new URL('package-lock.json', import.meta.url)));
}

/** Starts Prism as a proxy that answers with an error where a request or an answer breaks the contract. */
export async function startProxy(upstream: string): Promise<Proxy> {
  const port = await freePort();
  const args = [PRISM, 'proxy', '--errors', '-h', '127.0.0.1', '-p', String(port), CONTRACT, upstream];
  const child = spawn(process.execPath, args, { cwd: HERE, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const close = () => ended(child);
  try {
    await listening(child, () => output);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, output: () => output, close };
}

function listening(child: ChildProcess, output: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`Prism ${why}: ${output().slice(-2_000)}`));
    const timer = setTimeout(() => fail(`did not listen within ${START_MS} ms`), START_MS);
    child.once('exit', (code) => fail(`ended with ${code}`));
    child.stdout?.on('data', () => {
      if (!/is listening on/i.test(output())) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await exit;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
