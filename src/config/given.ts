import { aliases, customary, type Deprecation } from './aliases.js';
import type { Origin } from './origin.js';
import { describeOrigin } from './origin.js';
import type { Problem } from './problem.js';
import { type SettingName, schema, secretNames, settingNames } from './schema/index.js';
import { shown } from './shown.js';

/** A value as it was written, before it is understood. */
export interface Given {
  /** The name as written: canonical, an old one, or `NAME_FILE`. */
  name: string;
  value: string;
  origin: Origin;
}

/** The names and values of one source, the environment or the file. */
export type Source = ReadonlyMap<string, Given>;

/** What was given for the settings, and in which file a secret stands. */
export interface Gathered {
  direct: Map<SettingName, Given>;
  files: Map<SettingName, Given>;
  deprecations: Deprecation[];
  problems: Problem[];
}

/**
 * Brings the sources together, the first one winning. Old names are mapped to canonical ones; within one source two
 * names of the same setting must agree. An empty value counts as not given, unless the setting says otherwise.
 */
export function gather(sources: readonly Source[]): Gathered {
  const gathered: Gathered = { direct: new Map(), files: new Map(), deprecations: [], problems: [] };
  for (const source of sources) {
    for (const name of settingNames) {
      const settled = gathered.direct.has(name) || gathered.files.has(name);
      const direct = pick(source, name, gathered);
      const file = secretNames.includes(name) ? nonBlank(source.get(`${name}_FILE`)) : undefined;
      if (settled) continue;
      if (direct && file) gathered.problems.push(eitherOr(name, direct, file));
      if (direct) gathered.direct.set(name, direct);
      else if (file) gathered.files.set(name, file);
    }
  }
  return gathered;
}

function pick(source: Source, name: SettingName, gathered: Gathered): Given | undefined {
  const written = source.get(name);
  const canonical = written && (schema[name].blankCounts || nonBlank(written)) ? written : undefined;
  let found = canonical;
  for (const [alias, target] of Object.entries(aliases)) {
    if (target !== name) continue;
    const old = nonBlank(source.get(alias));
    if (!old) continue;
    if (!customary.has(alias) && !gathered.deprecations.some((known) => known.alias === alias)) {
      gathered.deprecations.push({ alias, canonical: name });
    }
    if (found && found.value.trim() !== old.value.trim()) gathered.problems.push(disagreement(name, found, old));
    found ??= old;
  }
  return found;
}

function nonBlank(given: Given | undefined): Given | undefined {
  return given && given.value.trim() !== '' ? given : undefined;
}

function disagreement(name: SettingName, one: Given, other: Given): Problem {
  return {
    key: other.name,
    value: shown(name, other.value),
    expected: `the same value as ${one.name}, which means the same setting; keep ${name} and remove ${other.name === name ? one.name : other.name}`,
    example: `${name}=${schema[name].example}`,
    origin: describeOrigin(other.origin),
  };
}

function eitherOr(name: SettingName, direct: Given, file: Given): Problem {
  return {
    key: file.name,
    value: shown(undefined, file.value),
    expected: `either ${direct.name} or ${file.name}, not both; remove ${direct.name}`,
    example: `${file.name}=/etc/entramox/credentials/${credentialName(name)}`,
    origin: describeOrigin(file.origin),
  };
}

/** The systemd credential of a setting: `ENTRA_CLIENT_SECRET` is `entra-client-secret`. */
export function credentialName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}
