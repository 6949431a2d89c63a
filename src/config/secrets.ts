import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerSecret } from '../telemetry/redact.js';
import type { Environment } from './environment.js';
import { credentialName, type Gathered, type Given } from './given.js';
import type { Needs } from './needs.js';
import { describeOrigin } from './origin.js';
import type { Problem } from './problem.js';
import { type SettingName, schema, secretNames } from './schema/index.js';
import { readSecretFile } from './secret-file.js';
import { apiTokenSecret } from './types/proxmox.js';

/** Where the secrets that stand in files were found, for those that the command needs. */
export interface SecretSources {
  /** Secrets that somebody set, read or not. */
  present: Set<SettingName>;
  problems: Problem[];
}

/**
 * Reads the secrets that the command needs from the files that `NAME_FILE` names or from systemd's credentials, and
 * puts them among the directly given ones. Every secret that is seen is registered with the redaction at once.
 */
export function readSecrets(gathered: Gathered, environment: Environment, needs: Needs): SecretSources {
  const sources: SecretSources = { present: new Set(), problems: [] };
  for (const name of secretNames) {
    const file = gathered.files.get(name);
    const credential = credentialPath(environment, credentialName(name));
    if (gathered.direct.has(name) || file || credential) sources.present.add(name);
    if (!gathered.direct.has(name) && isNeeded(name, needs, sources.present)) {
      if (file) readNamedFile(name, file, gathered, sources);
      else if (credential) readCredential(name, credential, gathered, sources);
    }
  }
  return sources;
}

/**
 * The path of a systemd credential of this process; undefined where there is none of that name, or a blank one: the
 * units set a blank default, since systemd does not start a unit whose credential file is missing.
 */
export function credentialPath(environment: Environment, name: string): string | undefined {
  const directory = environment.CREDENTIALS_DIRECTORY;
  if (!directory) return undefined;
  const path = join(directory, name);
  return existsSync(path) && !isBlank(path) ? path : undefined;
}

/** Only a small regular file is looked into; whatever else is there is told of by whoever reads it. */
function isBlank(path: string): boolean {
  const status = lstatSync(path);
  return status.isFile() && status.size > 0 && status.size <= 4 && readFileSync(path, 'utf8').trim() === '';
}

function isNeeded(name: SettingName, needs: Needs, present: ReadonlySet<SettingName>): boolean {
  if (name === 'PVE_API_TOKEN' || name === 'LAKEFS_SECRET_ACCESS_KEY') return needs.targets;
  if (name === 'EVENTHUB_CONNECTION_STRING') return needs.graph && needs.webhooks !== 'none';
  // What the key would open comes before it in the schema, so that it is known by now whether somebody set it.
  if (name === 'ENTRAMOX_ENC_KEY' && !present.has('ENTR_CLNT_SEC_ENC')) return false;
  if (name === 'REALM_CLIENT_SECRET') return needs.realm === true;
  if (name === 'ENTRA_CLIENT_SECRET' && needs.realm) return true;
  return needs.graph;
}

function readNamedFile(name: SettingName, file: Given, gathered: Gathered, sources: SecretSources): void {
  const path = file.value.trim();
  const read = path.startsWith('/')
    ? readSecretFile(path)
    : {
        ok: false as const,
        expected: 'an absolute path',
        remedy: `${file.name}=/etc/entramox/credentials/${credentialName(name)}`,
      };
  if (read.ok) {
    registerSetting(name, read.text);
    gathered.direct.set(name, {
      name: file.name,
      value: read.text,
      origin: { kind: 'secret-file', name: file.name, file: path, named: file.origin },
    });
    return;
  }
  sources.problems.push({
    key: file.name,
    value: path,
    expected: read.expected,
    example: read.remedy,
    origin: describeOrigin(file.origin),
  });
}

function readCredential(name: SettingName, path: string, gathered: Gathered, sources: SecretSources): void {
  const read = readSecretFile(path, { madeBySystemd: true });
  if (read.ok) {
    registerSetting(name, read.text);
    const origin = { kind: 'credential', name: credentialName(name), file: path } as const;
    gathered.direct.set(name, { name, value: read.text, origin });
    return;
  }
  sources.problems.push({
    key: name,
    value: path,
    expected: read.expected,
    example: read.remedy,
    origin: `systemd credential ${credentialName(name)}`,
  });
}

/** Masks what is secret in the value of a setting wherever it appears from now on. */
export function registerSetting(name: SettingName, value: string): void {
  const { parts } = schema[name];
  if (!parts) registerSecretValue(value);
  else for (const secret of parts.secretsIn(value.trim())) registerSecret(secret);
}

/** Masks a secret wherever it appears from now on; of an API token its secret part alone as well. */
export function registerSecretValue(value: string): void {
  registerSecret(value.trim());
  registerSecret(apiTokenSecret(value.trim().replace(/^PVEAPIToken[= ]/, '')));
}

/** Masks a private key in PEM form, also where a single line of it appears. */
export function registerPrivateKey(pem: string): void {
  registerSecret(pem.trim());
  for (const line of pem.split(/\r?\n/)) if (/^[A-Za-z0-9+/=]{24,}$/.test(line)) registerSecret(line);
}

/** Whether the file is one that systemd handed over to this process, so that its owner and mode are systemd's. */
export function isCredentialFile(path: string, environment: Environment): boolean {
  const directory = environment.CREDENTIALS_DIRECTORY;
  return directory !== undefined && directory !== '' && path.startsWith(`${directory.replace(/\/+$/, '')}/`);
}
