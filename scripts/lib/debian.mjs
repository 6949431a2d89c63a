import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './processes.mjs';

/**
 * What the tests and the demo use beside Node: the package, and a program of it by which its presence is known, or a
 * file where it has none.
 *
 * @type {readonly { name: string, program?: string, file?: string, use: string }[]}
 */
export const debianPackages = [
  { name: 'sudo', program: 'visudo', use: 'sudo rules are checked and proved with the real sudo' },
  { name: 'passwd', program: 'useradd', use: 'accounts are made with the real shadow-utils' },
  { name: 'procps', program: 'pkill', use: 'the processes of a locked account are ended' },
  { name: 'util-linux', program: 'unshare', use: 'the private root in which accounts are made' },
  { name: 'iproute2', program: 'ip', use: 'the loopback of a private network' },
  { name: 'logrotate', program: 'logrotate', use: 'the audit log is rotated as it is when installed' },
  { name: 'faketime', program: 'faketime', use: 'the clock of a running reconciler is moved' },
  { name: 'shellcheck', program: 'shellcheck', use: 'the shell script that units run before they start is linted' },
  { name: 'strace', program: 'strace', use: 'faults are put into single system calls' },
  { name: 'systemd-container', program: 'systemd-nspawn', use: 'a Debian with logind, sshd and cron is booted' },
  {
    name: 'age',
    program: 'age',
    use: 'secrets encrypted with age are opened with the real age, and the other way round',
  },
  { name: 'systemd', program: 'systemd-creds', use: 'secrets are encrypted for units with the real systemd-creds' },
  {
    name: 'ansible-core',
    program: 'ansible-playbook',
    use: 'the Ansible role is played against the simulated Proxmox',
  },
  { name: 'ansible-lint', program: 'ansible-lint', use: 'the Ansible role is linted' },
  {
    name: 'python3-hvac',
    file: '/usr/lib/python3/dist-packages/hvac/__init__.py',
    use: 'a client that knows nothing of us proves the simulated Vault',
  },
  { name: 'mmdebstrap', program: 'mmdebstrap', use: 'the files of that machine are put together' },
];

const APT_TIMEOUT_MS = 5 * 60_000;
const USUAL_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The entries of `packages` whose program is in none of the folders, or whose file is missing.
 *
 * @param {typeof debianPackages} packages
 * @param {readonly string[]} folders
 */
export function missingPackages(packages, folders = searchFolders()) {
  return packages.filter(({ program, file }) =>
    program ? !folders.some((folder) => isExecutable(join(folder, program))) : !existsSync(file),
  );
}

/**
 * Installs what is missing where that is possible (root, apt-get), and says plainly what stays missing and what that
 * means. Never throws: tests that need a missing program say so themselves.
 *
 * @param {{ root: string, say: (line: string) => void }} options
 * @returns {Promise<string[]>} names of packages that are still missing
 */
export async function ensureDebianPackages({ root, say }) {
  const missing = missingPackages(debianPackages);
  if (missing.length === 0) return [];
  const names = missing.map(({ name }) => name);
  const obstacle = installObstacle();
  if (obstacle !== undefined) {
    say(`Debian packages are missing: ${names.join(' ')}. They are not installed: ${obstacle}.`);
  } else {
    say(`Installing Debian packages: ${names.join(' ')}`);
    await install(names, { root, say });
  }
  const still = missingPackages(missing);
  for (const { name, program, file, use } of still) say(`MISSING ${name} (${program ?? file}): ${use}.`);
  return still.map(({ name }) => name);
}

async function install(names, { root, say }) {
  const options = {
    cwd: root,
    timeoutMs: APT_TIMEOUT_MS,
    capture: true,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  const args = ['-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', 'install', ...names];
  const first = await run('apt-get', args, options);
  if (first.code === 0) return;
  // A fresh machine or image has no package lists yet; only then is the update worth its time.
  const update = await run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', 'update'], options);
  if (update.code !== 0) say(`apt-get update failed with ${update.code}:\n${update.output.trim()}`);
  const second = await run('apt-get', args, options);
  if (second.code !== 0) say(`apt-get install failed with ${second.code}:\n${second.output.trim()}`);
}

function installObstacle() {
  if (process.getuid?.() !== 0) return 'that needs root';
  if (!searchFolders().some((folder) => isExecutable(join(folder, 'apt-get')))) return 'there is no apt-get here';
  return undefined;
}

function searchFolders() {
  const own = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...new Set([...own, ...USUAL_FOLDERS])];
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
