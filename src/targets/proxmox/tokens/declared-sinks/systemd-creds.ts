import { z } from 'zod';
import { absolutePath } from './values.js';

const KEYS = ['auto', 'host', 'tpm2', 'host+tpm2'] as const;

export interface DeclaredSystemdCreds {
  kind: 'systemd-creds';
  path: string;
  /** Of the credential, as LoadCredentialEncrypted= of the consumer names it. */
  name: string;
  withKey: (typeof KEYS)[number];
  place: string;
}

export const systemdCredsSink = z
  .strictObject({
    type: z.literal('systemd-creds'),
    path: absolutePath.optional(),
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'expected the name of a credential: letters, digits, ".", "_", "-"')
      .optional(),
    with_key: z.enum(KEYS, `expected one of ${KEYS.join(', ')}`).default('auto'),
  })
  .transform((given) => (name: string): DeclaredSystemdCreds => {
    const path = given.path ?? `/root/.${name}_token.cred`;
    const place = `${path} (systemd-creds)`;
    return { kind: 'systemd-creds', path, name: given.name ?? name, withKey: given.with_key, place };
  });
