import type { Gathered, Given } from './given.js';
import { describeOrigin, type Origin } from './origin.js';
import type { Problem } from './problem.js';
import { type SettingName, schema, settingNames, type Values } from './schema/index.js';
import { shown } from './shown.js';

/** What became of the settings one by one, before they are looked at together. */
export interface ReadValues {
  /** Values of all settings that could be read; a wrong one is missing here and stands in `failed`. */
  values: Partial<Values>;
  /** The text behind each value, default or given; undefined where there is none. */
  texts: Map<SettingName, string>;
  origins: Record<SettingName, Origin>;
  failed: Set<SettingName>;
  problems: Problem[];
}

/** Reads every setting with its type from the schema, and goes on after a wrong one. */
export function readValues(gathered: Gathered): ReadValues {
  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, Origin>> = {};
  const read = { texts: new Map<SettingName, string>(), failed: new Set<SettingName>(), problems: [] as Problem[] };

  for (const name of settingNames) {
    const given = gathered.direct.get(name);
    const text = given?.value ?? defaultText(name, (other) => gathered.direct.get(other)?.value);
    origins[name] = given?.origin ?? { kind: text === undefined ? 'unset' : 'default' };
    if (text === undefined) continue;
    read.texts.set(name, text);
    const parsed = schema[name].type.schema.safeParse(text);
    if (parsed.success) {
      values[name] = parsed.data;
      continue;
    }
    read.failed.add(name);
    const expected = [...new Set(parsed.error.issues.map((issue) => issue.message))].join('; ');
    read.problems.push(wrongValue(name, given, text, expected));
  }
  return { ...read, values: values as Partial<Values>, origins: origins as Record<SettingName, Origin> };
}

/** The default as text, with `{NAME}` replaced by what holds for that other setting. */
export function defaultText(
  name: SettingName,
  given: (name: SettingName) => string | undefined = () => undefined,
): string | undefined {
  return schema[name].default?.replaceAll(/\{([A-Z_]+)\}/g, (_, other: SettingName) => {
    const text = given(other)?.trim();
    return (text || schema[other].default || '').replace(/\/+$/, '');
  });
}

function wrongValue(name: SettingName, given: Given | undefined, text: string, expected: string): Problem {
  return {
    key: given?.name ?? name,
    value: shown(name, text),
    expected,
    example: schema[name].secret
      ? `${name}_FILE=/etc/entramox/credentials/… holding ${schema[name].example}`
      : `${name}=${schema[name].example}`,
    origin: given ? describeOrigin(given.origin) : undefined,
  };
}
