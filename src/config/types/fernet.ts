import { parseFernetKey } from '../fernet.js';
import { type ValueType, valueType } from '../value-type.js';

/** What stands before the token in a configuration of the predecessor, and in ours. */
export const FERNET_PREFIX = 'fernet:';

/** `fernet:` and a token; given back without the prefix. Whether it can be decrypted is for whoever has the key. */
export function fernetToken(): ValueType<string> {
  return valueType('"fernet:" and the token behind it, as "entramox secret encrypt" prints it', (text, wrong) =>
    text.startsWith(FERNET_PREFIX) && text.length > FERNET_PREFIX.length
      ? text.slice(FERNET_PREFIX.length).trim()
      : wrong(),
  );
}

/**
 * A Fernet key as text. A key file may also hold the whole line `ENTRAMOX_ENC_KEY=…`, since a file that systemd reads
 * into the environment looks like that.
 */
export function fernetKey(): ValueType<string> {
  return valueType('a Fernet key: 32 bytes as 44 characters of URL-safe base64', (text, wrong) => {
    const key = text.replace(/^ENTRAMOX_ENC_KEY=/, '').replace(/^(["'])(.*)\1$/, '$2');
    return parseFernetKey(key) ? key : wrong();
  });
}
