import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { messageOf } from '../domain/errors.js';
import { registerSecret } from '../telemetry/redact.js';
import { aliases, legacySecretNames } from './aliases.js';
import { type EnvFile, parseEnvFile } from './env-file.js';
import type { Environment } from './environment.js';
import type { Given, Source } from './given.js';
import type { Notice } from './notice.js';
import type { Problem } from './problem.js';
import { isSettingName, schema } from './schema/index.js';
import { registerSecretValue } from './secrets.js';

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

/** A configuration file as a source. `read` replaces the file system in tests. */
export function fromFile(path: string, read?: (path: string) => string): ReadSource {
  let parsed: EnvFile;
  try {
    parsed = parseEnvFile(read ? read(path) : readFileSync(path, 'utf8'));
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
  if (!read) notices.push(...exposedSecrets(path, source));
  const problems = parsed.problems.map(({ line, name, expected }) => ({
    key: `${path}:${line}`,
    value: name ?? 'a line that cannot be read',
    expected,
    example: 'LOG_LEVEL=info',
  }));
  return { source, problems, notices };
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
    if (legacySecretNames.includes(name)) registerSecret(value.trim());
    else if (isSecretName(name)) registerSecretValue(value);
  }
}

function isSecretName(name: string): boolean {
  const canonical = isSettingName(name) ? name : aliases[name];
  return canonical !== undefined && schema[canonical].secret;
}

function exposedSecrets(path: string, source: Source): Notice[] {
  const names = [...source.values()]
    .filter(({ name, value }) => value.trim() !== '' && isSecretName(name))
    .map(({ name }) => name);
  if (names.length === 0 || (statSync(path).mode & 0o007) === 0) return [];
  const text = `${path} holds ${names.join(', ')} and everybody on this machine can read it: chmod 640 ${path}`;
  return [{ kind: 'insecure', key: names[0] ?? path, text }];
}
