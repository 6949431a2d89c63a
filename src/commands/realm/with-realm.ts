import { withNothingUnsaid } from '../../targets/proxmox/realm/declaration.js';
import type { RealmPorts } from '../../targets/proxmox/realm/setup.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { type Equipment, equip } from '../settings-of.js';
import { connectAdmin } from '../token/connect.js';
import { realmOf } from './declared.js';
import type { RealmWriteOptions } from './options.js';

/** What a `realm` verb works with. */
export interface RealmWork extends Pick<Equipment, 'settings' | 'log'> {
  ports: RealmPorts;
  /** On the configuration; those on the plan come with it. */
  remarks: readonly string[];
}

/** Reads what is declared, connects as the administrator, and lets the connection go afterwards. Exit 2 for mistakes. */
export async function withRealm(
  options: RealmWriteOptions,
  io: Io,
  work: (parts: RealmWork) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { loaded, settings, log } = equip('realm', options, io);
  const found = realmOf(loaded, options, io);
  if (!found) return ExitCode.usage;
  const { remarks } = found;
  const declared = options.prune ? withNothingUnsaid(found.declared) : found.declared;
  // Nobody's users are looked after in a Proxmox Backup Server.
  const upkeep = options.pbs === undefined ? found.upkeep : undefined;
  const { client, rights, close } = await connectAdmin(settings, log, options);
  const allowGroupsOverwrite = options.allowGroupsOverwrite === true;
  const allowNewIssuer = options.allowNewIssuer === true;
  const sendsHiddenKey = options.sendClientKey === true;
  const ports = { client, rights, declared, upkeep, allowGroupsOverwrite, allowNewIssuer, sendsHiddenKey };
  try {
    return await work({ settings, log, remarks, ports });
  } finally {
    await close();
  }
}
