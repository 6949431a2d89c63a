import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { createPrivateHost, type HostPolicy, type LinuxHost } from '../lab/linux-host.js';
import { createSimulatedHost } from '../lab/simulated-host.js';

/** A program that somebody left running. */
export interface Shell {
  isRunning(): boolean;
}

/** A Linux machine with what people leave on it beside their accounts. */
export interface Machine {
  host: LinuxHost;
  /** What this machine is, in words. */
  label: string;
  /** Where the demo looks, in words. */
  witness: string;
  hasHome(name: string): boolean;
  /** Puts a file into somebody's home, as that person. */
  writeInHome(name: string, file: string): Promise<void>;
  /** Whether an archived home of this name holds the file. */
  isArchived(name: string, file: string): Promise<boolean>;
  /** A program running as this person; undefined where there are no real processes. */
  openShell(name: string): Shell | undefined;
}

/** A private root with real tools where that can be, else the simulation, which says so. */
export async function createMachine(simulated: boolean, policy: HostPolicy): Promise<Machine> {
  const obstacle = simulated ? 'as you asked for' : sandboxUnavailable();
  return obstacle === undefined ? privateMachine(policy) : simulatedMachine(policy, obstacle);
}

async function privateMachine(policy: HostPolicy): Promise<Machine> {
  const host = await createPrivateHost(policy);
  const { sandbox } = host;
  if (!sandbox) throw new Error('a private host came without its private root');
  const asPerson = (name: string) => {
    const uid = String(host.account(name)?.uid);
    return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  };
  return {
    host,
    label: 'private root with real shadow-utils and sudo',
    witness: 'its passwd, shadow, sudoers.d, /home and sudo -l',
    hasHome: (name) => existsSync(join(sandbox.root, 'home', name)),
    async writeInHome(name, file) {
      const done = await sandbox.exec([...asPerson(name), 'touch', `/home/${name}/${file}`]);
      if (done.code !== 0) throw new Error(`${file} could not be put into the home of ${name}: ${done.stderr}`);
    },
    async isArchived(name, file) {
      const list = `for tar in /var/lib/entramox-accounts/archive/${name}-*.tar; do tar -tf "$tar"; done`;
      const { stdout } = await sandbox.exec(['/bin/sh', '-c', list]);
      return stdout.split('\n').includes(`${name}/${file}`);
    },
    openShell(name) {
      const [program = '', ...args] = sandbox.command([...asPerson(name), 'sleep', '3600']);
      const child = spawn(program, args, { stdio: 'ignore' });
      let failure: Error | undefined;
      child.on('error', (error) => {
        failure = error;
      });
      return { isRunning: () => failure === undefined && child.exitCode === null && child.signalCode === null };
    },
  };
}

async function simulatedMachine(policy: HostPolicy, why: string): Promise<Machine> {
  const host = await createSimulatedHost(policy);
  const { dir } = host;
  return {
    host,
    label: `SIMULATED agent, no real accounts (${why})`,
    witness: `${join(dir, 'state.json')} and the folders beside it`,
    hasHome: (name) => existsSync(join(dir, 'homes', name)),
    writeInHome: async (name, file) => writeFileSync(join(dir, 'homes', name, file), ''),
    async isArchived(name, file) {
      const archive = join(dir, 'archive');
      if (!existsSync(archive)) return false;
      const homes = readdirSync(archive).filter((folder) => folder.startsWith(`${name}-`));
      return homes.some((folder) => existsSync(join(archive, folder, file)));
    },
    openShell: () => undefined,
  };
}
