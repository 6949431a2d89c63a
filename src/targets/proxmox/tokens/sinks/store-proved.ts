import { messageOf, Rejected } from '../../../../domain/errors.js';
import type { StoredToken } from '../stored-token.js';
import type { PutBack, Sink } from './sink.js';

/**
 * Stores a secret and reads it back, where it can be read here. Throws Rejected where that fails; what lay there before
 * is then put back, since the token that it belongs to may still be in use. So may the caller, should something later
 * speak against the new secret.
 */
export async function storeProved(sink: Sink, token: StoredToken): Promise<PutBack> {
  const putBack = await sink.store(token);
  try {
    if ((await sink.read())?.value !== token.value) {
      throw new Rejected(`${sink.place} does not give back what was stored there`);
    }
    return putBack;
  } catch (error) {
    throw new Rejected(`${messageOf(error)}${await afterwards(putBack)}`);
  }
}

/** Puts back, and gives the words for the end of a message. */
export async function afterwards(putBack: PutBack): Promise<string> {
  return putBack().then(
    () => '; what lay there before was put back',
    (error: unknown) => `; what lay there before could not be put back: ${messageOf(error)}`,
  );
}
