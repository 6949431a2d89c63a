import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../../src/config/env-file.js';
import { renderExample } from '../../../src/config/example.js';
import { loadSettings } from '../../../src/config/load.js';
import { defaultText } from '../../../src/config/read-values.js';
import { type SettingName, schema, settingNames } from '../../../src/config/schema/index.js';

const text = readFileSync(new URL('../../../config.example.env', import.meta.url), 'utf8');

/** The lines that begin like this, as if they were uncommented. */
function uncommented(begin: RegExp) {
  const lines = text.split('\n').filter((line) => begin.test(line));
  return parseEnvFile(lines.map((line) => line.replace(begin, '')).join('\n'));
}

const DEFAULTS = /^#(?=[A-Z])/;
const EXAMPLES = /^# Example: /;

describe('config.example.env', () => {
  it('is what `entramox config example` prints', () => {
    expect(text).toBe(renderExample());
  });

  it('names every setting exactly once, with its default', () => {
    const { assignments, problems } = uncommented(DEFAULTS);

    expect(problems).toEqual([]);
    expect(assignments.map(({ name }) => name).sort()).toEqual([...settingNames].sort());
    for (const { name, value } of assignments)
      expect([name, value]).toEqual([name, defaultText(name as SettingName) ?? '']);
  });

  it('has an example for every setting that the setting accepts', () => {
    const { assignments, problems } = uncommented(EXAMPLES);

    expect(problems).toEqual([]);
    expect(assignments.map(({ name }) => name).sort()).toEqual([...settingNames].sort());
    const refused = assignments.filter(
      ({ name, value }) => !schema[name as SettingName].type.schema.safeParse(value).success,
    );
    expect(refused).toEqual([]);
  });

  it('is accepted as it is, and changes nothing when its defaults are uncommented', () => {
    const defaults = text.replaceAll(/^#(?=[A-Z])/gm, '');

    const bare = loadSettings({ env: {}, command: 'status', configFile: 'x', readFile: () => text });
    const full = loadSettings({ env: {}, command: 'status', configFile: 'x', readFile: () => defaults });

    const changed = JSON.stringify(full.settings) !== JSON.stringify(bare.settings);
    expect(changed).toBe(false);
    expect(bare.notices).toEqual([]);
  });
});

describe('the schema', () => {
  it.each(settingNames)('%s accepts its own default', (name) => {
    const fallback = defaultText(name);
    const { type } = schema[name];

    const accepted = fallback === undefined || type.schema.safeParse(fallback).success;

    expect(accepted).toBe(true);
  });
});
