import { Encrypter } from 'age-encryption';
import { messageOf } from '../../../../domain/errors.js';

/** undefined: it is one that we can encrypt for. */
export function whyNoRecipient(text: string): string | undefined {
  if (text.startsWith('ssh-')) return 'keys of SSH are not taken: make one with age-keygen';
  try {
    new Encrypter().addRecipient(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
