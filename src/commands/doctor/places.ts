import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../../config/settings.js';
import { isListenerWanted } from '../parts/listener-wanted.js';
import type { Place, Standing } from './files.js';

const OTHERS_WRITE = 0o002;
const OTHERS = 0o007;
const ALL_BUT_OWNER = 0o077;
const CREDENTIALS = '/etc/entramox/credentials';

/** Everything that is kept on disk, with the owner and mode that systemd-tmpfiles gives it. */
export function placesOf(settings: Settings, configFile: string | undefined): Place[] {
  const { paths, linux, targets } = settings;
  const reconciler = { user: 'entramox', group: 'entramox' };
  const listener = { user: 'entramox-listener', group: 'entramox-listener' };
  const root = { user: 'root', group: 'root' };
  const operators = { group: 'entramox-operators', mode: 0o660, never: OTHERS, optional: true };
  const spool = ['', 'tmp', 'pending', 'processing', 'parked'].map((part) => join(paths.spoolDir, part));
  const usesLinux = targets.includes('linux');
  return [
    ...(configFile === undefined
      ? []
      : [
          {
            name: 'files.configuration' as const,
            path: configFile,
            user: 'root',
            group: 'entramox',
            mode: 0o640,
            never: OTHERS_WRITE,
          },
        ]),
    { name: 'files.credentials', path: CREDENTIALS, ...root, mode: 0o700, never: ALL_BUT_OWNER, optional: true },
    ...credentialFiles().map((path) => ({
      name: 'files.credentials' as const,
      path,
      ...root,
      mode: 0o600,
      never: ALL_BUT_OWNER,
    })),
    ...(usesLinux
      ? [
          {
            name: 'files.policy' as const,
            path: linux.accountsPolicyFile,
            ...root,
            mode: 0o600,
            never: 0o022,
            optional: true,
          },
        ]
      : []),
    { name: 'files.state', path: paths.stateDir, ...reconciler, mode: 0o750, never: OTHERS_WRITE },
    {
      name: 'files.state',
      path: join(paths.stateDir, 'ledger.json'),
      ...reconciler,
      mode: 0o640,
      never: OTHERS_WRITE,
      optional: true,
    },
    {
      name: 'files.listener-state',
      path: paths.listenerStateDir,
      ...listener,
      mode: 0o700,
      never: OTHERS_WRITE,
      // Whoever is told nothing needs no listener.
      optional: !isListenerWanted(settings),
    },
    {
      name: 'files.listener-state',
      path: join(paths.listenerStateDir, 'subscriptions.json'),
      ...listener,
      mode: 0o600,
      never: ALL_BUT_OWNER,
      optional: true,
    },
    ...spool.map((path, index) => ({
      name: 'files.spool' as const,
      path,
      user: 'entramox-listener',
      group: 'entramox',
      mode: 0o2770,
      never: OTHERS_WRITE,
      optional: index > 0,
    })),
    { name: 'files.log', path: paths.logDir, user: 'entramox', group: 'adm', mode: 0o2750, never: OTHERS_WRITE },
    {
      name: 'files.run',
      path: paths.runDir,
      user: 'entramox',
      group: 'entramox-operators',
      mode: 0o2750,
      never: OTHERS_WRITE,
    },
    { name: 'files.sockets', path: paths.operatorSocket, user: 'entramox', ...operators },
    { name: 'files.sockets', path: paths.listenerSocket, user: 'entramox-listener', ...operators },
    ...(usesLinux && linux.accountsSocket
      ? [
          {
            name: 'files.sockets' as const,
            path: linux.accountsSocket,
            user: 'root',
            group: 'entramox',
            mode: 0o660,
            never: OTHERS,
            optional: true,
          },
        ]
      : []),
  ];
}

function credentialFiles(): string[] {
  try {
    return readdirSync(CREDENTIALS).map((name) => join(CREDENTIALS, name));
  } catch (error) {
    // What stands in the way of looking is told of the directory itself.
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
}

/** Owner and mode of what stands at a path. */
export async function standingAt(path: string): Promise<Standing> {
  try {
    const { uid, gid, mode } = await stat(path);
    return { uid, gid, mode: mode & 0o7777 };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    if (code === 'EACCES' || code === 'EPERM') return 'hidden';
    throw error;
  }
}

/** The number of a user or group of this host, from its own files. */
export function idOnThisHost(kind: 'user' | 'group', name: string): number | undefined {
  const lines = readFileSync(kind === 'user' ? '/etc/passwd' : '/etc/group', 'utf8').split('\n');
  const fields = lines.map((line) => line.split(':')).find(([first]) => first === name);
  const id = Number(fields?.[2]);
  return Number.isInteger(id) ? id : undefined;
}
