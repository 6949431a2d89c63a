import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { messageOf } from '../domain/errors.js';
import { distrustOfPlace } from '../integrity/places.js';
import { shellWord } from '../integrity/shell.js';
import { aliases } from './aliases.js';
import { isDotenvName, parseDotenv } from './dotenv-file.js';
import { type EnvFile, parseEnvFile } from './env-file.js';
import type { Environment } from './environment.js';
import type { Given, Source } from './given.js';
import type { Notice } from './notice.js';
import type { Problem } from './problem.js';
import { isSettingName, type SettingName, schema } from './schema/index.js';
import { registerSetting } from './secrets.js';
import { serviceUids } from './service-users.js';

/** One source of names and values, and what was wrong or remarkable about it. */
export interface ReadSource {
  source: Source;
  problems: Problem[];
  notices: Notice[];
  /** It could not be read at all, so that every value in it is missing. */
  unreadable?: boolean;
}

/** The variables of a process as a source. */
export function fromEnvironment(environment: Environment): Source {
  const source = new Map<string, Given>();
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined) source.set(name, { name, value, origin: { kind: 'environment', name } });
  }
  registerSecretsOf(source);
  return source;
}

/**
 * A configuration file as a source, read as systemd reads one; a `.env` as dotenv does, with what the environment
 * fills into it. `read` replaces the file system in tests.
 */
export function fromFile(path: string, read?: (path: string) => string, environment: Environment = {}): ReadSource {
  let parsed: EnvFile;
  try {
    const text = read ? read(path) : readFileSync(path, 'utf8');
    parsed = isDotenvName(basename(path)) ? parseDotenv(text, environment) : parseEnvFile(text);
  } catch (error) {
    return { source: new Map(), problems: [unreadable(path, error)], notices: [], unreadable: true };
  }
  const source = new Map<string, Given>();
  const notices: Notice[] = [];
  for (const { name, value, line } of parsed.assignments) {
    const earlier = source.get(name)?.origin;
    if (earlier?.kind === 'file') {
      const text = `${name} stands in line ${earlier.line} and again in line ${line} of ${path}: the later one counts.`;
      notices.push({ kind: 'repeated', key: name, text });
    }
    source.set(name, { name, value, origin: { kind: 'file', name, file: path, line } });
  }
  registerSecretsOf(source);
  const exposed = read ? [] : exposedSecrets(path, source);
  const problems = parsed.problems.map(({ line, name, expected }) => ({
    key: `${path}:${line}`,
    value: name ?? 'a line that cannot be read',
    expected,
    example: 'LOG_LEVEL=info',
  }));
  return { source, problems: [...exposed, ...problems], notices };
}

/** Whether there is a file of that path and this process may read it. */
export function isReadable(path: string | undefined): boolean {
  if (path === undefined) return false;
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

function unreadable(path: string, error: unknown): Problem {
  return {
    key: '--config',
    value: path,
    expected: `a readable file (${messageOf(error)})`,
    example: '--config /etc/entramox/entramox.env',
  };
}

/** Values of secrets are masked from now on, also those that lose against others. */
function registerSecretsOf(source: Source): void {
  for (const { name, value } of source.values()) {
    const setting = secretSetting(name);
    if (setting) registerSetting(setting, value);
  }
}

/** The secret setting that a name stands for. */
function secretSetting(name: string): SettingName | undefined {
  // A name may be one that every object has, such as `valueOf`.
  const canonical = isSettingName(name) ? name : Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return canonical !== undefined && schema[canonical].secret ? canonical : undefined;
}

function holdsSecret({ name, value }: Given): boolean {
  const setting = secretSetting(name);
  // What is encrypted may be seen: its key is the secret.
  if (setting === undefined || value.trim() === '' || name === 'ENTR_CLNT_SEC_ENC') return false;
  return schema[setting].parts?.secretsIn(value).length !== 0;
}

/**
 * A file that holds secrets must not be read by everybody, nor be changed by anybody but root and its reader. One that
 * holds none is nobody's business here.
 */
function exposedSecrets(path: string, source: Source): Problem[] {
  const names = [...source.values()].filter(holdsSecret).map(({ name }) => name);
  if (names.length === 0) return [];
  const { mode, uid } = statSync(path);
  const self = process.geteuid?.();
  const owners = self === 0 ? [0, ...serviceUids()] : [0, ...(self === undefined ? [] : [self])];
  const wrong = (expected: string, example: string): Problem[] => [
    { key: '--config', value: path, expected: `${expected}, since it holds ${names.join(', ')}`, example },
  ];
  if ((mode & 0o007) !== 0) {
    return wrong('a file that not everybody on this machine can read', `chmod o-rwx ${shellWord(path)}`);
  }
  if (!owners.includes(uid)) {
    return wrong(`a file of root; its owner is uid ${uid}`, `chown root ${shellWord(path)}`);
  }
  if ((mode & 0o020) !== 0) return wrong('a file that its group cannot write', `chmod g-w ${shellWord(path)}`);
  const place = distrustOfPlace(path, owners);
  return place ? wrong(`a file that nobody else can replace (${place.why})`, place.mend) : [];
}
