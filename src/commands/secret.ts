import { existsSync } from 'node:fs';
import { quoteEnvValue } from '../config/env-file.js';
import { decryptFernet, encryptFernet, type FernetKey } from '../config/fernet.js';
import {
  type ConfiguredKey,
  configuredKey,
  DEFAULT_KEY_FILE,
  makeKeyFile,
  readKeyFile,
  requireRoomForKey,
} from '../config/key-file.js';
import { DEFAULT_CONFIG_FILE } from '../config/load.js';
import { registerSecretValue } from '../config/secrets.js';
import { FERNET_PREFIX } from '../config/types/fernet.js';
import { Invariant } from '../domain/errors.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { readSecret, type SecretInput } from './parts/read-secret.js';
import type { CommonOptions } from './settings-of.js';

export interface SecretEncryptOptions extends CommonOptions {
  /** A key that is there. */
  keyFile?: string | undefined;
  /** A key that is made. */
  newKey?: string | undefined;
}

const NAME = 'ENTR_CLNT_SEC_ENC';

/**
 * Encrypts the client secret that stands on `input` and prints the line for the configuration. The key is that of
 * --key-file, a new one in --new-key, else the one that is configured, else the usual one, which is made where there
 * is none. Throws Rejected, Error.
 */
export async function secretEncrypt(options: SecretEncryptOptions, input: SecretInput, io: Io): Promise<ExitCode> {
  if (options.keyFile !== undefined && options.newKey !== undefined) {
    io.err('either --key-file, for a key that is there, or --new-key, for one that is to be made');
    return ExitCode.usage;
  }
  // A key that cannot be used is told before anybody types anything; a new one is made when nothing can go wrong.
  const old = oldKey(options);
  const newPath = old ? undefined : (options.newKey ?? DEFAULT_KEY_FILE);
  if (newPath !== undefined) requireRoomForKey(newPath);
  const secret = await readSecret(input, (text) => void process.stderr.write(text));
  registerSecretValue(secret);
  const { key, from } = old ?? { key: makeKeyFile(newPath ?? DEFAULT_KEY_FILE), from: newPath ?? DEFAULT_KEY_FILE };
  const value = `${FERNET_PREFIX}${encryptChecked(secret, key)}`;
  if (options.json) {
    io.out(JSON.stringify({ name: NAME, value, key: from, keyMade: !old }));
    return ExitCode.done;
  }
  io.out(`${NAME}=${quoteEnvValue(value)}`);
  io.err(`${old ? 'The key is that of' : 'A new key is in'} ${from}. Put the line above into entramox.env.`);
  if (from === DEFAULT_KEY_FILE) io.err('The units hand this key over by themselves, as a credential.');
  else if (from.startsWith('/')) io.err(`The key is named there by: ENTRAMOX_ENC_KEY_FILE=${quoteEnvValue(from)}`);
  io.err('Keep a copy of the key apart from the configuration: either of the two alone is of no use.');
  return ExitCode.done;
}

/** Makes a new key in a file of its own and says where; the key itself is shown nowhere. Throws Rejected. */
export function secretKey(file: string | undefined, options: CommonOptions, io: Io): ExitCode {
  const path = file ?? DEFAULT_KEY_FILE;
  makeKeyFile(path);
  if (options.json) io.out(JSON.stringify({ key: path, keyMade: true }));
  else io.out(`A new key is in ${path}, mode 0600.`);
  return ExitCode.done;
}

function oldKey({ keyFile, newKey, config }: SecretEncryptOptions): ConfiguredKey | undefined {
  if (newKey !== undefined) return undefined;
  if (keyFile !== undefined) return { key: readKeyFile(keyFile), from: keyFile };
  const configured = configuredKey(config ?? DEFAULT_CONFIG_FILE);
  if (configured) return configured;
  return existsSync(DEFAULT_KEY_FILE) ? { key: readKeyFile(DEFAULT_KEY_FILE), from: DEFAULT_KEY_FILE } : undefined;
}

function encryptChecked(secret: string, key: FernetKey): string {
  const token = encryptFernet(secret, key);
  const proof = decryptFernet(token, key);
  if (!proof.ok || proof.text !== secret) throw new Invariant('what was encrypted cannot be decrypted again');
  return token;
}
