import { describe, expect, it } from 'vitest';
import { logRemarks } from '../../../src/config/log-remarks.js';
import { load, TENANT } from './fixture.js';

describe('logRemarks', () => {
  it('logs one event for each old name and each notice, insecure ones under their own code', () => {
    const logged: unknown[] = [];
    const loaded = load({ ENTR_TENANT_ID: TENANT, TRUST_PROXY: 'true', REALM: 'entra' });

    logRemarks((event, fields) => logged.push([event, fields?.setting ?? fields?.alias]), loaded);

    expect(logged).toEqual([
      ['config.deprecated', 'ENTR_TENANT_ID'],
      ['config.notice', 'REALM'],
      ['config.insecure', 'TRUST_PROXY'],
    ]);
  });
});
