import { existsSync } from 'node:fs';
import type { SetupPorts } from '../../targets/proxmox/tokens/setup.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { equip } from '../settings-of.js';
import { connectAsAdministrator, DECLARATIONS, declarationsIn } from './connect.js';
import type { TokenOptions } from './options.js';
import { ownDeclaration } from './own-declaration.js';
import { withSinks } from './sinks.js';

export interface WithTokensOptions extends TokenOptions {
  /** Also Entramox's own token, which stands in no file; the usual file need not be there then. */
  own?: boolean | undefined;
}

/** Reads the declarations, connects as the administrator, and lets the connection go afterwards. Exit 2 for mistakes. */
export async function withTokens(
  file: string,
  options: WithTokensOptions,
  io: Io,
  work: (ports: SetupPorts) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { settings, log } = equip('status', options, io);
  const ours = options.own && options.pbs === undefined ? ownDeclaration(settings) : undefined;
  const isOptional = ours !== undefined && file === DECLARATIONS && !existsSync(file);
  const inFile = isOptional ? [] : declarationsIn(file, io, options.pbs === undefined ? 'pve' : 'pbs');
  if (!inFile) return ExitCode.usage;
  const declared = ours ? [...inFile, ours] : inFile;
  return withSinks(io, async (sinks) => {
    const ports = await connectAsAdministrator(settings, log, declared, options, sinks);
    try {
      return await work(ports);
    } finally {
      await ports.client.close();
    }
  });
}
