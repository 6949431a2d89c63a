import { describe, expect, it } from 'vitest';
import { desiredOf, sourceOf } from '../../../src/domain/desired.js';
import { ALICE, EVERYBODY, LAB, policy, present } from './builders.js';

const stranger = '99999999-9999-4999-8999-999999999999';

describe('desiredOf', () => {
  it('keeps an unknown reading unknown, with its reason', () => {
    const desired = desiredOf({ certainty: 'unknown', oid: ALICE, why: 'time-out' }, policy());

    expect(desired).toEqual({ kind: 'unknown', why: 'time-out' });
  });

  it('takes somebody among the deleted for positive evidence', () => {
    const desired = desiredOf({ certainty: 'absent', oid: ALICE, evidence: 'soft-deleted' }, policy());

    expect(desired).toEqual({ kind: 'outsider', reason: 'deleted in Entra', positive: true });
  });

  it.each([
    [true, 'not found in Entra'],
    [false, 'not found in the Proxmox realm'],
  ])('takes somebody who is nowhere for no positive evidence (enforce %s)', (enforce, reason) => {
    const desired = desiredOf({ certainty: 'absent', oid: ALICE, evidence: 'not-found' }, policy({ enforce }));

    expect(desired).toEqual({ kind: 'outsider', reason, positive: false });
  });

  it.each([
    [true, false],
    [false, true],
  ])(
    'leaves a member of no configured group outside; only a disabled one is positive evidence (enabled %s)',
    (enabled, positive) => {
      const reading = present({ groups: [stranger], enabled });

      const desired = desiredOf(reading, policy());

      expect(desired).toEqual({
        kind: 'outsider',
        reason: 'in none of the configured groups',
        positive,
        attributes: reading.attributes,
      });
    },
  );

  it.each([
    [true, false],
    [false, true],
  ])('leaves a foreign domain outside and says which (enabled %s)', (enabled, positive) => {
    const reading = present({ enabled, attributes: { upn: 'alice@a@Other.Example' } });

    const desired = desiredOf(reading, policy({ allowedDomains: ['example.com'] }));

    expect(desired).toEqual({
      kind: 'outsider',
      reason: 'domain other.example is not allowed',
      positive,
      attributes: reading.attributes,
    });
  });

  it('compares the domain without regard to case', () => {
    const desired = desiredOf(
      present({ attributes: { upn: 'alice@EXAMPLE.com' } }),
      policy({ allowedDomains: ['other.example', 'example.com'] }),
    );

    expect(desired.kind).toBe('member');
  });

  it('gives a member the configured groups alone', () => {
    const desired = desiredOf(present({ groups: [stranger, LAB, EVERYBODY] }), policy());

    expect(desired).toMatchObject({ kind: 'member', enabled: true, groups: [LAB, EVERYBODY] });
  });

  it('counts who is listed by object id, in no group at all', () => {
    const desired = desiredOf(present({ groups: [] }), policy({ userIds: [ALICE] }));

    expect(desired).toMatchObject({ kind: 'member', groups: [] });
  });

  it('counts everybody whom the realm lists where Entra is not asked', () => {
    const desired = desiredOf(present({ groups: [] }), policy({ enforce: false }));

    expect(desired.kind).toBe('member');
  });
});

describe('sourceOf', () => {
  it('names who decides', () => {
    expect(sourceOf(policy())).toBe('Entra');
    expect(sourceOf(policy({ enforce: false }))).toBe('the Proxmox realm');
  });
});
