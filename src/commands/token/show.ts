import { existsSync } from 'node:fs';
import { ConfigError } from '../../config/problem.js';
import type { TokenDeclaration } from '../../targets/proxmox/tokens/declaration.js';
import { fullId } from '../../targets/proxmox/tokens/entries.js';
import { isNamedLike } from '../../targets/proxmox/tokens/family.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { equip } from '../settings-of.js';
import { DECLARATIONS, declarationsIn } from './connect.js';
import type { TokenOptions } from './options.js';
import { ownDeclaration } from './own-declaration.js';
import { withSinks } from './sinks.js';
import { whichTokens } from './which.js';

/**
 * The stored token with its secret, which no other command prints. After a rotation that is the new one. Also Entramox's
 * own, for which the usual file need not be there.
 */
export async function tokenShow(which: string, file: string, options: TokenOptions, io: Io): Promise<ExitCode> {
  const own = ownMeantBy(which, options, io);
  const isOptional = own !== undefined && file === DECLARATIONS && !existsSync(file);
  const declared = isOptional ? [] : declarationsIn(file, io, options.pbs === undefined ? 'pve' : 'pbs');
  const all = declared && (own ? [...declared, own] : declared);
  const [token] = (all && whichTokens(which, all, file, io)) ?? [];
  if (!token) return ExitCode.usage;
  const { stored, sealed } = await withSinks(io, async (sinks) => {
    const sink = sinks.open(token.sink);
    return { stored: await sink.read(), sealed: sink.sealed };
  });
  if (!stored && sealed !== undefined) {
    io.err(`the secret of ${fullId(token)} can be read elsewhere alone: ${sealed}`);
    return ExitCode.failed;
  }
  if (!stored || !isNamedLike(token, stored['full-tokenid'])) {
    io.err(`${token.sink.place} holds no secret of ${fullId(token)}`);
    return ExitCode.failed;
  }
  if (options.json) io.out(JSON.stringify(stored));
  else io.out(`${stored['full-tokenid']}=${stored.value}`);
  return ExitCode.done;
}

/** Entramox's own token, where that is named. What is declared in a file is shown without any configuration. */
function ownMeantBy(which: string, options: TokenOptions, io: Io): TokenDeclaration | undefined {
  if (options.pbs !== undefined) return undefined;
  try {
    const own = ownDeclaration(equip('status', options, io).settings);
    return own && (which === own.name || isNamedLike(own, which)) ? own : undefined;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
