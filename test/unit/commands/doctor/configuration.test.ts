import { describe, expect, it } from 'vitest';
import { CHECK_NAMES } from '../../../../src/commands/doctor/catalogue.js';
import { checkConfiguration, checksWithoutConfiguration } from '../../../../src/commands/doctor/configuration.js';
import { provoked, unwell } from './provoked.js';

const FILE = '/etc/entramox/entramox.env';

describe('the check of the configuration', () => {
  it('is fine where every value is understood and there is nothing to say', () => {
    const checks = checkConfiguration({ file: FILE, notices: [], deprecations: [] });

    expect(unwell(checks)).toEqual({});
    expect(checks.map(({ name }) => name)).toEqual(['configuration.values', 'configuration.remarks']);
  });

  it('is wrong over a name that nobody reads, and says which file has it', () => {
    const notices = [{ kind: 'unknown' as const, key: 'GROUP_IDS', text: 'GROUP_IDS is no setting.' }];

    const check = provoked('configuration.remarks', checkConfiguration({ file: FILE, notices, deprecations: [] }));

    expect(check.mend).toContain(`correct or remove GROUP_IDS in ${FILE}`);
  });

  it('only remarks on what is insecure or old', () => {
    const notices = [{ kind: 'insecure' as const, key: 'PVE_API_TOKEN', text: 'It is written out.' }];
    const deprecations = [{ alias: 'ENTR_TENANT_ID', canonical: 'ENTRA_TENANT_ID' }];

    const checks = checkConfiguration({ file: undefined, notices, deprecations } as never);

    expect(checks.map(({ state }) => state)).toEqual(['fine', 'remark', 'remark']);
    expect(checks.at(-1)?.mend).toBe('write ENTRA_TENANT_ID instead');
  });

  it('that cannot be used is told with each problem, and nothing is silently missing', () => {
    const problems = [
      { key: 'DELETE_AFTER', value: 'soon', expected: 'a duration', example: 'DELETE_AFTER=24h' },
      { key: 'SWEEP_CRON', value: 'daily', expected: 'a schedule', example: 'SWEEP_CRON=15 2 * * *' },
    ];

    const checks = checksWithoutConfiguration({ problems });

    const [first, second] = checks;
    provoked(
      'configuration.values',
      [first].filter((check) => check !== undefined),
    );
    expect(second?.saw).toBe('SWEEP_CRON: daily; expected a schedule');
    expect(new Set(checks.map(({ name }) => name))).toEqual(new Set(CHECK_NAMES));
    expect(checks.slice(2).every(({ state }) => state === 'skipped')).toBe(true);
  });
});
