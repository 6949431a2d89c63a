import { describe, expect, it } from 'vitest';
import { lakefsWishOf } from '../../../src/domain/plan-lakefs-wish.js';
import type { Reading } from '../../../src/domain/reading.js';
import { ALICE, EVERYBODY, LAB } from './builders.js';

const present: Reading = {
  certainty: 'present',
  oid: ALICE,
  attributes: { upn: 'alice@Example.com' },
  enabled: true,
  groups: [EVERYBODY, LAB],
};

function wish(reading: Reading, allowedDomains: string[] = []) {
  return lakefsWishOf(reading, { allowedDomains }, new Set([LAB]), new Set());
}

describe('where somebody should be a member in lakeFS', () => {
  it('is in those of the groups that lakeFS is given', () => {
    expect(wish(present)).toMatchObject({ kind: 'known', wanted: new Set([LAB]), proved: false });
  });

  it('is nowhere for whoever is disabled, with proof, also where a group cannot be read', () => {
    const disabled = lakefsWishOf(
      { ...present, enabled: false },
      { allowedDomains: [] },
      new Set([LAB]),
      new Set([LAB]),
    );

    expect(disabled).toEqual({ kind: 'known', wanted: new Set(), unclear: new Set(), proved: true });
  });

  it('is nowhere for whoever is deleted, with proof, and for whoever is not found, without', () => {
    expect(wish({ certainty: 'absent', oid: ALICE, evidence: 'soft-deleted' })).toMatchObject({ proved: true });
    expect(wish({ certainty: 'absent', oid: ALICE, evidence: 'not-found' })).toMatchObject({ proved: false });
  });

  it('is nowhere in a domain that is not allowed, without proof', () => {
    expect(wish(present, ['example.org'])).toMatchObject({ wanted: new Set(), proved: false });
    expect(wish(present, ['example.com'])).toMatchObject({ wanted: new Set([LAB]) });
  });

  it('is unclear in a group that this reading does not tell of, and that is told', () => {
    const reading: Reading = {
      ...present,
      groups: [EVERYBODY],
      unclear: { groups: [LAB, EVERYBODY], why: 'it is 429' },
    };

    expect(wish(reading)).toMatchObject({ wanted: new Set(), unclear: new Set([LAB]), lacks: 'it is 429' });
    expect(wish({ ...reading, enabled: false })).toMatchObject({ unclear: new Set(), proved: true });
  });

  it('is unknown where the reading is', () => {
    expect(wish({ certainty: 'unknown', oid: ALICE, why: 'time-out' })).toEqual({ kind: 'unknown', why: 'time-out' });
  });
});
