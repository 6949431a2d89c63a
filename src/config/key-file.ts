import { accessSync, closeSync, constants, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, Rejected } from '../domain/errors.js';
import { registerSecret } from '../telemetry/redact.js';
import { type Environment, processEnvironment } from './environment.js';
import { type FernetKey, newFernetKey, parseFernetKey } from './fernet.js';
import { gather } from './given.js';
import { readSecretFile } from './secret-file.js';
import { credentialPath } from './secrets.js';
import { fromEnvironment, fromFile, isReadable } from './sources.js';
import { fernetKey } from './types/fernet.js';

/** Where a key is kept unless a file is named; the units hand it over as the credential entramox-enc-key. */
export const DEFAULT_KEY_FILE = '/etc/entramox/credentials/entramox-enc-key';

/** A key that the configuration has already, and where from. */
export interface ConfiguredKey {
  key: FernetKey;
  /** In words. */
  from: string;
}

/**
 * The key that ENTRAMOX_ENC_KEY, ENTRAMOX_ENC_KEY_FILE or systemd gives, whatever else the configuration holds;
 * undefined where none is configured. Throws Rejected for one that cannot be used.
 */
export function configuredKey(
  configFile: string | undefined,
  env: Environment = processEnvironment(),
): ConfiguredKey | undefined {
  const file = configFile !== undefined && isReadable(configFile) ? [fromFile(configFile).source] : [];
  const gathered = gather([fromEnvironment(env), ...file]);
  const direct = gathered.direct.get('ENTRAMOX_ENC_KEY');
  if (direct) return { key: keyFrom(direct.value, 'ENTRAMOX_ENC_KEY'), from: 'ENTRAMOX_ENC_KEY' };
  const path = gathered.files.get('ENTRAMOX_ENC_KEY')?.value.trim();
  if (path !== undefined) return { key: readKeyFile(path), from: path };
  const credential = credentialPath(env, 'entramox-enc-key');
  return credential === undefined ? undefined : { key: readKeyFile(credential), from: credential };
}

/** Throws Rejected where no new key could be made at this path; makes nothing. */
export function requireRoomForKey(path: string): void {
  if (existsSync(path)) throw alreadyThere(path);
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Rejected(
      `no key can be made in ${dirname(path)} (${messageOf(error)}): run this as root, or name a place with --new-key FILE`,
    );
  }
}

/** Makes a new key in a new file of mode 0600. Throws Rejected where there is a file already, or none can be made. */
export function makeKeyFile(path: string): FernetKey {
  const text = newFernetKey();
  registerSecret(text);
  try {
    const descriptor = openSync(path, 'wx', 0o600);
    writeSync(descriptor, `${text}\n`);
    fsyncSync(descriptor);
    closeSync(descriptor);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) throw alreadyThere(path);
    throw new Rejected(`the key file ${path} cannot be made: ${messageOf(error)}`);
  }
  return keyFrom(text, path);
}

/** The key in a file, which must be as safe as any secret. Throws Rejected with what mends it. */
export function readKeyFile(path: string): FernetKey {
  const read = readSecretFile(path);
  if (!read.ok) throw new Rejected(`the key file ${path} is not used: expected is ${read.expected}; ${read.remedy}`);
  return keyFrom(read.text, `the key file ${path}`);
}

function keyFrom(text: string, where: string): FernetKey {
  registerSecret(text);
  const { expected, schema } = fernetKey();
  const parsed = schema.safeParse(text);
  const key = parsed.success ? parseFernetKey(parsed.data) : undefined;
  if (!key) throw new Rejected(`${where} does not hold ${expected}`);
  return key;
}

function alreadyThere(path: string): Rejected {
  return new Rejected(
    `${path} is there already and is kept: what was encrypted with it would be lost. Name another file`,
  );
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
