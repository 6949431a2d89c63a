import type { SetupPorts } from '../../targets/proxmox/tokens/setup.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { equip } from '../settings-of.js';
import { connectAsAdministrator, declarationsIn } from './connect.js';
import type { TokenOptions } from './options.js';

/** Reads the declarations, connects as the administrator, and lets the connection go afterwards. Exit 2 for mistakes. */
export async function withTokens(
  file: string,
  options: TokenOptions,
  io: Io,
  work: (ports: SetupPorts) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { settings, log } = equip('status', options, io);
  const declared = declarationsIn(file, io);
  if (!declared) return ExitCode.usage;
  const ports = connectAsAdministrator(settings, log, declared, options);
  try {
    return await work(ports);
  } finally {
    await ports.client.close();
  }
}
