import type { TokenDeclaration } from '../../targets/proxmox/tokens/declaration.js';
import { fullId } from '../../targets/proxmox/tokens/entries.js';
import { isNamedLike } from '../../targets/proxmox/tokens/family.js';
import type { Io } from '../io.js';

/**
 * The declarations that somebody means: by their name, by their full token id, or by that of a token which came after it
 * by a rotation. undefined as `which`: all. Gives nothing, and says why, where that is none or more than one.
 */
export function whichTokens(
  which: string | undefined,
  declared: readonly TokenDeclaration[],
  file: string,
  io: Io,
): TokenDeclaration[] | undefined {
  if (which === undefined) return [...declared];
  const exact = declared.filter((token) => [token.name, fullId(token)].includes(which));
  const found = exact.length > 0 ? exact : declared.filter((token) => isNamedLike(token, which));
  if (found.length === 1) return found;
  const names = (found.length > 1 ? found : declared).map(fullId).join(', ');
  io.err(
    found.length > 1
      ? `${which} is more than one token: say which of ${names}`
      : `${which} is not declared in ${file}, which has ${names || 'no token'}`,
  );
  return undefined;
}
