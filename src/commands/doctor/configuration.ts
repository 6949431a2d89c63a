import type { LoadedSettings } from '../../config/load.js';
import type { ConfigError } from '../../config/problem.js';
import { CHECK_NAMES } from './catalogue.js';
import { type Check, fine, remark, skipped, wrong } from './check.js';

/** Whether the configuration says what was meant: it was read, so each value is understood. */
export function checkConfiguration({
  file,
  notices,
  deprecations,
}: Pick<LoadedSettings, 'file' | 'notices' | 'deprecations'>): Check[] {
  const from = file === undefined ? 'the environment alone' : file;
  const lost = notices.filter(({ kind }) => kind === 'unknown' || kind === 'repeated');
  const told = notices.filter((notice) => !lost.includes(notice));
  return [
    fine('configuration.values', `every value of ${from} is understood`),
    ...lost.map(({ key, text }) =>
      wrong(
        'configuration.remarks',
        text,
        `correct or remove ${key} in ${from}; "entramox config show" tells what holds`,
      ),
    ),
    ...told.map(({ text }) => remark('configuration.remarks', text)),
    ...deprecations.map(({ alias, canonical }) =>
      remark('configuration.remarks', `${alias} is an old name, which works`, `write ${canonical} instead`),
    ),
    ...(notices.length + deprecations.length === 0 ? [fine('configuration.remarks', 'nothing to remark')] : []),
  ];
}

/** What there is to say where the configuration cannot be used: each problem, and that nothing else was looked at. */
export function checksWithoutConfiguration({ problems }: Pick<ConfigError, 'problems'>): Check[] {
  const names = CHECK_NAMES.filter((name) => name !== 'configuration.values');
  return [
    ...problems.map(({ key, value, expected, example }) =>
      wrong(
        'configuration.values',
        `${key}: ${value ?? 'missing'}; expected ${expected}`,
        `correct ${key}, for example ${example}; then entramox config check`,
      ),
    ),
    ...names.map((name) => skipped(name, 'the configuration cannot be used')),
  ];
}
