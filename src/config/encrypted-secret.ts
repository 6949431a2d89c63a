import { decryptFernet, type FernetRefusal, parseFernetKey } from './fernet.js';
import type { RuleContext } from './rules/context.js';
import { registerSecretValue } from './secrets.js';
import { MASK } from './shown.js';

/** Where the predecessor kept its key. */
const OLD_KEY_FILE = '/etc/entramoxreconciler.key';
const KEY_EXAMPLE = `ENTRAMOX_ENC_KEY_FILE=${OLD_KEY_FILE}`;

/**
 * The client secret out of ENTR_CLNT_SEC_ENC. Where that cannot be had, the reason is put among the context's problems:
 * without a key, with another key, or with a token that is not whole. What is wrong with the two settings themselves
 * has been told already.
 */
export function clientSecretOf(context: RuleContext): string | undefined {
  const { values, isFailed, problems } = context;
  const { ENTR_CLNT_SEC_ENC: token, ENTRAMOX_ENC_KEY: keyText } = values;
  if (keyText === undefined && !context.isGiven('ENTRAMOX_ENC_KEY')) {
    problems.push({
      key: 'ENTRAMOX_ENC_KEY',
      value: 'not set',
      expected: `the key with which ENTR_CLNT_SEC_ENC was encrypted, in a file (ENTRAMOX_ENC_KEY_FILE; the predecessor kept it in ${OLD_KEY_FILE}) or as the systemd credential entramox-enc-key`,
      example: KEY_EXAMPLE,
    });
    return undefined;
  }
  const key = keyText === undefined ? undefined : parseFernetKey(keyText);
  if (token === undefined || key === undefined || isFailed('ENTRAMOX_ENC_KEY')) return undefined;
  const decrypted = decryptFernet(token, key);
  if (decrypted.ok && decrypted.text.trim() !== '') {
    registerSecretValue(decrypted.text);
    return decrypted.text.trim();
  }
  const [expected, example] = decrypted.ok ? ['a secret; the token holds nothing', ENCRYPT] : explain(decrypted.why);
  problems.push({ key: 'ENTR_CLNT_SEC_ENC', value: MASK, expected, example });
  return undefined;
}

const ENCRYPT = 'entramox secret encrypt';

function explain(why: FernetRefusal): [expected: string, example: string] {
  switch (why) {
    case 'garbled':
      return ['a token of letters, digits, - and _ alone; something else stands in it', ENCRYPT];
    case 'truncated':
      return ['a whole token; a part of it is missing, as after copying one line of two', ENCRYPT];
    case 'version':
      return ['a Fernet token, which begins with gAAAAA; this is something else', ENCRYPT];
    case 'signature':
      return [
        'a token that was made with the key of ENTRAMOX_ENC_KEY; another key made it, or it was changed since',
        KEY_EXAMPLE,
      ];
    case 'padding':
      return ['a token whose contents can be read; it was made by something that does not follow Fernet', ENCRYPT];
    default:
      return why satisfies never;
  }
}
