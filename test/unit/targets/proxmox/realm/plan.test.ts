import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RealmWish, withNothingUnsaid } from '../../../../../src/targets/proxmox/realm/declaration.js';
import { after, CLIENT, declare, ENTRA, GENERIC, KANIDM, KEY, key, plan, seen, TENANT } from './fixture.js';

const ISSUER = `https://login.microsoftonline.com/${TENANT}/v2.0`;
const AS_DECLARED = {
  'issuer-url': ISSUER,
  'client-id': CLIENT,
  'username-claim': 'preferred_username',
  scopes: 'email profile',
  'query-userinfo': '0',
};
const OURS = { writesUpns: true, creates: true };
const fine = (settings: Readonly<Record<string, string>> = {}) =>
  seen({ ...AS_DECLARED, ...settings }, { clientKey: key(KEY) });

describe('a plan', () => {
  it('makes a realm that is not there', () => {
    expect(plan().step).toMatchObject({ do: 'realm.create', realm: 'entra' });
  });

  it.each([
    ['nothing differs', {}],
    ['scopes are in another order', { scopes: 'profile,email' }],
    ['a flag is written out that is so anyway', { autocreate: '0', 'groups-overwrite': '0' }],
    ['the username-claim has its older name', { 'username-claim': 'username' }],
    ['the realm has a comment, a second factor or is the default', { comment: 'x', tfa: 'y', default: '1' }],
  ])('is empty where %s', (_, settings) => {
    expect(plan({ realm: fine(settings) })).toMatchObject({ step: undefined, refusals: [] });
  });

  it('takes scopes that are not set for those that Proxmox asks for then', () => {
    const { scopes: _, ...without } = AS_DECLARED;

    expect(plan({ realm: seen(without, { clientKey: key(KEY) }) }).step).toBeUndefined();
  });

  it('leaves what somebody set by hand and nobody declared, and names it', () => {
    const byHand = {
      prompt: 'login',
      'acr-values': 'phr',
      'groups-claim': 'roles',
      'groups-autocreate': '1',
      audiences: 'zitadel-project',
      scopes: 'email profile tenant',
      'query-userinfo': '1',
    };

    const { step, remarks } = plan({ realm: fine(byHand) });

    expect(step).toBeUndefined();
    expect(remarks.join('\n')).toMatch(/not declared: .*audiences "zitadel-project".*; --prune removes them/);
  });

  it('adds to the scopes that somebody set by hand the one that Entra names nobody without', () => {
    const { step } = plan({ realm: fine({ scopes: 'openid,tenant' }) });

    expect(step).toMatchObject({ set: new Map([['scopes', 'openid tenant profile']]), remove: [] });
  });

  it('says what it takes away by turning autocreate off, which was not declared either', () => {
    const { step, remarks } = plan({ realm: fine({ autocreate: '1' }) });

    expect(step).toMatchObject({ set: new Map([['autocreate', '0']]) });
    expect(remarks.join('\n')).toMatch(/nobody logs in who is not in Proxmox yet, and no one makes them/);
  });

  it('changes what differs and, when told to, removes what is not declared, and nothing else', () => {
    const realm = fine({ autocreate: '1', prompt: 'login', 'groups-claim': 'roles', audiences: 'x', comment: 'keep' });

    const { step } = plan({ realm, declared: withNothingUnsaid(declare({ acrValues: ['phr', 'phrh'] })) });

    expect(step).toMatchObject({
      do: 'realm.change',
      set: new Map([
        ['autocreate', '0'],
        ['acr-values', 'phr,phrh'],
      ]),
      remove: ['prompt', 'groups-claim', 'audiences'],
      clientKey: undefined,
      digest: 'd1',
    });
  });

  it('says of the client key only that it differs', () => {
    const { step } = plan({ realm: seen(AS_DECLARED, { clientKey: key('an-older-client-key') }) });

    expect(step).toMatchObject({ changes: [{ field: 'client-key', is: 'another', shall: 'as declared' }] });
    expect(step?.clientKey?.reveal()).toBe(KEY);
    expect(JSON.stringify(step)).not.toContain(KEY);
    expect(JSON.stringify(step)).not.toContain('an-older-client-key');
  });

  it('leaves a client key that is not declared', () => {
    const declared = declare({}, GENERIC);
    const settings = { 'issuer-url': declared.issuerUrl, 'client-id': 'proxmox' };

    const { step, remarks } = plan({ declared, realm: seen(settings, { clientKey: key(KEY) }) });

    expect(step).toBeUndefined();
    expect(remarks.join('\n')).toContain('was not compared and stays');
  });

  it('never names the default realm', () => {
    const made = plan().step;
    const changed = plan({ realm: fine({ default: '1', autocreate: '1' }) }).step;

    for (const step of [made, changed]) expect(JSON.stringify(step, mapsToo)).not.toContain('default');
  });

  it('asks a Proxmox of before 8.4 for nothing that it does not know', () => {
    const { 'query-userinfo': _, ...older } = AS_DECLARED;

    const made = plan({ version: '8.3.5' });
    const settled = plan({ version: '8.3.5', realm: seen(older, { clientKey: key(KEY) }) });

    expect(JSON.stringify(made.step, mapsToo)).not.toMatch(/query-userinfo|groups-|audiences/);
    expect(made.remarks.join('\n')).toContain('8.3.5 has no query-userinfo');
    expect(settled.step).toBeUndefined();
  });

  it('is empty once it was done, whatever stood there before and whatever is declared', () => {
    const word = fc.stringMatching(/^[a-z]{2,8}$/);
    const wishes = fc.record(
      {
        scopes: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }).map((list) => [...list, 'profile']),
        autocreate: fc.boolean(),
        queryUserinfo: fc.boolean(),
        prompt: word,
        acrValues: fc.uniqueArray(word, { maxLength: 3 }),
        groupsClaim: word,
        audiences: fc.uniqueArray(word, { maxLength: 3 }),
        comment: word,
      },
      { requiredKeys: [] },
    );
    const worlds = fc.dictionary(
      fc.constantFrom('scopes', 'prompt', 'acr-values', 'groups-claim', 'audiences', 'comment', 'client-id', 'x-new'),
      word,
    );
    const versions = fc.constantFrom('8.3.5', '8.4.1', '9.0.3', '9.1.4');
    const hasNoGate = (wish: Partial<RealmWish>, version: string) =>
      version.startsWith('9.1') || (!wish.groupsClaim && !wish.audiences?.length);
    fc.assert(
      fc.property(wishes, fc.option(worlds, { nil: undefined }), versions, (wish, world, version) => {
        fc.pre(hasNoGate(wish, version));
        const declared = declare(wish);
        const realm = world && seen({ 'username-claim': 'username', ...world }, { clientKey: key('older-key') });

        const first = plan({ declared, realm, version });
        expect(first.refusals).toEqual([]);
        if (!first.step) throw new Error('the client key differs at least');
        const second = plan({ declared, version, realm: after(first.step, realm) });

        expect(second.step).toBeUndefined();
      }),
    );
  });
});

describe('a plan is refused', () => {
  it.each([
    ['for a realm of another type', { realm: seen({}, { type: 'ldap' }) }, /is of the type ldap/],
    [
      'for a username-claim that differs',
      { realm: fine({ 'username-claim': 'upn' }) },
      /is upn and shall be preferred/,
    ],
    [
      'for a username-claim that is not set',
      { realm: seen({ 'issuer-url': ISSUER }) },
      /none is set.*cannot change it/,
    ],
    ['where a change could not be told from another', { realm: { ...fine(), digest: undefined } }, /gives no digest/],
    ['for groups before 8.4', { version: '8.3.1', declared: declare({ groupsClaim: 'r' }) }, /has no groups-claim/],
    ['for audiences before 9.1', { version: '9.0.9', declared: declare({ audiences: ['r'] }) }, /has no audiences/],
    [
      'for groups-overwrite where Entramox looks after the groups',
      { upkeep: OURS, declared: declare({ groupsClaim: 'roles', groupsOverwrite: true }) },
      /takes everybody who logs in out of the groups/,
    ],
    [
      'for groups-overwrite that somebody else turned on there',
      { upkeep: OURS, realm: fine({ 'groups-claim': 'roles', 'groups-overwrite': '1' }) },
      /^groups-overwrite is on in the realm entra/,
    ],
    [
      'for a realm of another provider, whose people would be taken for these',
      { realm: fine({ 'issuer-url': 'https://idm.example.com/oauth2/openid/proxmox' }) },
      /belongs to the issuer https:\/\/idm\.example\.com/,
    ],
    [
      'for another client where Entra would give everybody another sub',
      {
        realm: fine({ 'client-id': 'older', 'username-claim': 'subject' }),
        declared: declare({ usernameClaim: 'subject' }),
      },
      /Entra gives everybody another sub/,
    ],
    [
      'where another client would be sent the secret of the one before',
      {
        declared: declare({}, GENERIC),
        realm: seen({ 'issuer-url': 'https://id.example.com/', 'client-id': 'older' }, { clientKey: key(KEY) }),
      },
      /secret that Proxmox has is of the client before, client-id shall change/,
    ],
    [
      'for a claim that is not what Entramox names users by',
      { upkeep: OURS, declared: declare({ usernameClaim: 'email' }) },
      /names users by their user principal name, and email is another/,
    ],
  ])('%s, with a way out, and nothing is written', (_, world, why) => {
    const { step, refusals } = plan(world);

    expect(step).toBeUndefined();
    expect(refusals).toEqual([{ why: expect.stringMatching(why), remedy: expect.stringMatching(/\w/) }]);
  });

  it('only where somebody would be harmed: told otherwise, or where the groups are nobody else’s, it goes ahead', () => {
    const declared = declare({ groupsClaim: 'roles', groupsOverwrite: true });

    const told = plan({ declared, upkeep: OURS, allowGroupsOverwrite: true });
    const alone = plan({ declared });
    const otherNames = plan({ declared: declare({ usernameClaim: 'oid' }), upkeep: { ...OURS, writesUpns: false } });

    expect([told, alone, otherNames].map(({ step }) => step?.do)).toEqual(Array(3).fill('realm.create'));
  });

  it('for another issuer only until somebody says that it is meant, and never for a slash at its end', () => {
    const meant = plan({ realm: fine({ 'issuer-url': 'https://old.example' }), allowNewIssuer: true });
    const slash = plan({ realm: fine({ 'issuer-url': `${ISSUER}/` }) });

    expect([meant, slash].map(({ step }) => step?.do)).toEqual(['realm.change', 'realm.change']);
  });

  it('for a secret that nobody can see only until somebody says that it is gone', () => {
    const declared = declare({}, GENERIC);
    const realm = seen({ 'issuer-url': declared.issuerUrl, 'client-id': 'older' }, { keyIsHidden: true });

    expect(plan({ declared, realm }).refusals[0]?.remedy).toContain('--delete client-key, then --allow-new-issuer');
    expect(plan({ declared, realm, allowNewIssuer: true }).step?.do).toBe('realm.change');
  });

  it('not for a client whose secret is hidden and declared: that is sent with it', () => {
    const { step } = plan({ realm: { ...fine({ 'client-id': 'older' }), clientKey: undefined, keyIsHidden: true } });

    expect(step?.clientKey?.reveal()).toBe(KEY);
  });

  it('with what a new username-claim would take', () => {
    const { refusals } = plan({ realm: fine({ 'username-claim': 'upn' }) });

    const product = 'Proxmox Backup Server';
    const there = plan({ realm: fine({ 'username-claim': 'upn' }), observed: { product } }).refusals;

    expect(refusals[0]?.remedy).toMatch(/REALM_USERNAME_CLAIM=upn.*pveum realm delete entra.*users stay/);
    expect(there[0]?.remedy).toContain('proxmox-backup-manager openid delete entra');
  });

  it('for another provider also where the claim is really called username', () => {
    const declared = declare({ usernameClaim: 'preferred_username' }, GENERIC);
    const settings = { 'issuer-url': declared.issuerUrl, 'client-id': 'proxmox' };

    expect(plan({ declared, realm: seen({ ...settings, 'username-claim': 'username' }) }).refusals).toHaveLength(1);
    expect(
      plan({ declared: declare({}, GENERIC), realm: seen({ ...settings, 'username-claim': 'sub' }) }).step,
    ).toBeUndefined();
  });
});

describe('a plan tells', () => {
  const told = (world: Parameters<typeof plan>[0]) => plan(world).remarks.join('\n');

  it('who may read the client key', () => {
    const keyReaders = [{ type: 'group', ugid: 'auditors', role: 'PVEAuditor', path: '/' } as const];

    expect(told({ observed: { keyReaders } })).toContain('root@pam, the group auditors (PVEAuditor on /)');
    expect(told({ observed: { keyReaders: undefined } })).toContain('cannot be seen with these rights');
  });

  it.each([
    [
      'another issuer',
      { realm: fine({ 'issuer-url': 'https://old.example' }), allowNewIssuer: true },
      /gets another issuer/,
    ],
    [
      'short names of Kanidm',
      { upkeep: OURS, declared: declare({}, KANIDM) },
      /with prefer-short-username it never is/,
    ],
    [
      'a realm that differs in its letters',
      { observed: { names: new Map([['Entra', 'openid']]) } },
      /a realm Entra already/,
    ],
    ['a setting that nobody knows', { realm: fine({ 'x-new': '1' }) }, /left as they are.*: x-new/],
    [
      'autocreate beside Entramox',
      { upkeep: OURS, declared: declare({ autocreate: true }) },
      /users that nobody looks after/,
    ],
    ['what makes the groups', { upkeep: OURS }, /"entramox token self" makes the groups/],
    ['names of guests', { upkeep: OURS }, /of guests it is their own address/],
    [
      'names of another provider',
      { upkeep: OURS, declared: declare({}, KANIDM) },
      /must be exactly that, letter for letter/,
    ],
    ['a groups-claim', { declared: declare({ groupsClaim: 'roles' }) }, /become groups with -entra behind them/],
    ['a prompt that asks nobody', { declared: declare({ prompt: 'none' }) }, /may not ask anything/],
    ['the default realm', { realm: fine({ default: '1' }) }, /root@pam can still be chosen/],
  ])('of %s', (_, world, text) => {
    expect(told(world)).toMatch(text);
    expect(told({ declared: declare({ usernameClaim: 'oid' }, ENTRA) })).not.toMatch(text);
  });
});

function mapsToo(_: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
