import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEtc } from '../../../src/accounts/etc.js';
import { nameStanding, releasedStanding } from '../../../src/accounts/name-standing.js';
import { DEFAULT_POLICY } from '../../../src/accounts/policy.js';
import { ALICE, BOB, createHost, type Host, made } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
  host.people([]);
});
afterEach(() => host.remove());

const ask = (oid: string, name: string) =>
  nameStanding({ ledger: host.ledger, policy: DEFAULT_POLICY, etc: readEtc(host.paths.etc) }, { oid, name });
const OTHER_NAME = 'change the user name in Entra, or leave this person out of the groups';

describe('a name that cannot be had is told of with the reason and with what to do', () => {
  it('where it is no name, or one of the system', () => {
    expect(ask(ALICE, 'ALL')).toMatchObject({
      state: 'invalid',
      why: expect.stringMatching(/^"ALL"/),
      remedy: OTHER_NAME,
    });
    expect(ask(ALICE, 'sshd')).toEqual({
      state: 'reserved',
      why: 'sshd is reserved for the system or by the policy',
      remedy: OTHER_NAME,
    });
  });

  it('where our account has got another uid', () => {
    host.ledger.put(made());
    host.people([{ name: 'alice', uid: 1000 }]);

    expect(ask(ALICE, 'alice')).toEqual({
      state: 'foreign',
      why: 'alice has uid 1000 in /etc/passwd, our account has 20001',
      remedy: 'give the account back its uid, or remove it by hand',
    });
  });

  it('where it is, or was, the name of another identity', () => {
    const tombstoned = {
      state: 'tombstoned',
      remedy: 'names are never given to a second person: change the user name in Entra',
    };
    host.ledger.put(made({ formerNames: ['alison'] }));

    expect(ask(BOB, 'alice')).toEqual({
      state: 'foreign',
      why: `alice is the account of ${ALICE}`,
      remedy: 'change the user name of one of the two in Entra',
    });
    expect(ask(BOB, 'alison')).toEqual({ ...tombstoned, why: `alison was the name of ${ALICE}` });
    host.ledger.put(made({ state: 'deleted' }));
    expect(ask(BOB, 'alice')).toEqual({ ...tombstoned, why: `alice was the name of ${ALICE}` });
  });

  it('where an account or a group of that name is there', () => {
    host.people([{ name: 'carol', uid: 1000 }], { crew: [300] });

    expect(ask(ALICE, 'carol')).toEqual({
      state: 'foreign',
      why: 'an account carol (uid 1000) exists that entramox did not make',
      remedy: `if it is this person's, see what "entramox adopt ${ALICE}" says; else remove it or change the user name in Entra`,
    });
    expect(ask(ALICE, 'crew')).toEqual({
      state: 'foreign',
      why: 'a group crew (gid 300) exists that entramox did not make',
      remedy: 'groupdel crew where nobody needs it, or change the user name in Entra',
    });
  });

  it.each<[string, () => void, string]>([
    ['as a member', () => host.people([], { lab: [300, 'ghost'], adm: [4, 'ghost'] }), 'as a member of adm, lab'],
    ['in shadow', () => host.write('etc/shadow', 'ghost:!:1::::::\n'), 'in shadow or gshadow'],
    ['in gshadow', () => host.write('etc/gshadow', 'ghost:!::\n'), 'in shadow or gshadow'],
  ])('where it is still there %s', (_, leave, places) => {
    leave();

    expect(ask(ALICE, 'ghost')).toEqual({
      state: 'foreign',
      why: `ghost is still named ${places} without being an account`,
      remedy: 'look with pwck and grpck, and take the name out',
    });
  });

  it('where root took the account of that identity back', () => {
    const released = made({ state: 'released', releasedAt: Date.UTC(2026, 10, 21, 23, 59) });
    const { releasedAt: _, ...undated } = released;

    expect(releasedStanding(released)).toEqual({
      state: 'foreign',
      released: true,
      why: 'root took alice (uid 20001) back on 2026-11-21, so it is not managed',
      remedy: `"entramox adopt ${ALICE} --yes" takes it under management again`,
    });
    expect(releasedStanding(undated).why).toBe('root took alice (uid 20001) back, so it is not managed');
    host.ledger.put(released);
    expect(ask(ALICE, 'whatever')).toEqual(releasedStanding(released));
  });
});

describe('a name of this very identity', () => {
  it('is foreign after the deletion as soon as anybody made an account of it, with that uid too', () => {
    host.ledger.put(made({ state: 'deleted' }));
    host.people([{ name: 'alice', uid: 20_001 }]);

    expect(ask(ALICE, 'alice')).toMatchObject({
      state: 'foreign',
      why: 'an account alice (uid 20001) exists that entramox did not make',
    });
  });

  it('makes no other name its own', () => {
    host.ledger.put(made());
    host.people([{ name: 'alice', uid: 20_001 }]);

    expect(ask(ALICE, 'alicia')).toEqual({ state: 'free' });
  });
});

describe('a name that can be had', () => {
  it('is free, or that of this very identity now or before', () => {
    host.ledger.put(made({ formerNames: ['alison'] }));
    host.people([{ name: 'alice', uid: 20_001 }]);
    const now = ask(ALICE, 'alice');
    const former = ask(ALICE, 'alison');
    host.ledger.put(made({ state: 'deleted' }));
    host.people([]);

    expect([now, former, ask(ALICE, 'alice'), ask(BOB, 'bobby')]).toEqual([
      { state: 'ours' },
      { state: 'ours' },
      { state: 'ours' },
      { state: 'free' },
    ]);
  });

  it('may be that of a group of the account itself, which a deletion left behind', () => {
    host.ledger.put(made({ state: 'deleted' }));
    host.people([], { alice: [20_001] });

    expect(ask(ALICE, 'alice')).toEqual({ state: 'ours' });
  });
});
