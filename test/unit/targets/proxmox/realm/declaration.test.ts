import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimOf } from '../../../../../src/targets/proxmox/realm/claim.js';
import { holdClientKey } from '../../../../../src/targets/proxmox/realm/client-key.js';
import { declareRealm, type RealmWish } from '../../../../../src/targets/proxmox/realm/declaration.js';
import { CLIENT, declare, ENTRA, GENERIC, KANIDM, KEY, problemsOf, TENANT } from './fixture.js';

describe('a realm of Entra', () => {
  it('has its issuer from the tenant, and defaults that let nobody in by themselves', () => {
    expect(declare()).toMatchObject({
      issuerUrl: `https://login.microsoftonline.com/${TENANT}/v2.0`,
      clientId: CLIENT,
      usernameClaim: 'preferred_username',
      scopes: ['email', 'profile'],
      autocreate: false,
      queryUserinfo: false,
      groups: undefined,
      prompt: undefined,
    });
  });

  it('has the issuer of its cloud, and takes another host with the same tenant', () => {
    const china = declare({ issuerBase: 'https://login.partner.microsoftonline.cn', tenantId: TENANT.toUpperCase() });
    const moved = declare({ issuerUrl: `https://localhost:8443/${TENANT}/v2.0` });

    expect(china.issuerUrl).toBe(`https://login.partner.microsoftonline.cn/${TENANT}/v2.0`);
    expect(moved.issuerUrl).toBe(`https://localhost:8443/${TENANT}/v2.0`);
  });

  it.each([
    ['common', /common is no tenant/],
    ['organizations', /organizations is no tenant/],
    ['contoso.com', /with the id of the tenant and not a domain/],
    ['99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee', /expected https:\/\/<sign-in host>\/aaaaaaaa-/],
  ])('never has %s in its issuer', (tenant, problem) => {
    const problems = problemsOf({ issuerUrl: `https://login.microsoftonline.com/${tenant}/v2.0` });

    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  it('needs the id of a tenant', () => {
    expect(problemsOf({ tenantId: 'contoso.com' })).toEqual([expect.stringMatching(/^ENTRA_TENANT_ID: .*a GUID/)]);
    expect(problemsOf({ tenantId: undefined })).toEqual([expect.stringMatching(/^ENTRA_TENANT_ID: missing/)]);
  });

  it('is not declared with a name for a client id, or with the id of a secret for the secret', () => {
    expect(problemsOf({ clientId: 'proxmox' })).toEqual([expect.stringMatching(/^REALM_CLIENT_ID: .* a GUID/)]);
    expect(problemsOf({ clientKey: TENANT })).toEqual([expect.stringMatching(/^REALM_CLIENT_SECRET: that is the id/)]);
    expect(problemsOf({ clientKey: TENANT }, KANIDM)).toEqual([]);
  });

  it('asks for the scope that its username-claim comes with', () => {
    expect(problemsOf({ scopes: ['email'] })).toEqual([expect.stringMatching(/^REALM_SCOPES: lacks profile/)]);
    expect(problemsOf({ scopes: ['profile'], usernameClaim: 'email' })).toEqual([
      expect.stringMatching(/^REALM_SCOPES: lacks email/),
    ]);
    expect(problemsOf({ scopes: ['profile'], usernameClaim: 'oid' })).toEqual([]);
  });
});

describe('a realm of Kanidm', () => {
  it.each([
    ['https://idm.example.com', 'https://idm.example.com/oauth2/openid/proxmox'],
    ['https://idm.example.com:8443/', 'https://idm.example.com:8443/oauth2/openid/proxmox'],
    ['https://idm.example.com/oauth2/openid/proxmox', 'https://idm.example.com/oauth2/openid/proxmox'],
  ])('at %s has the issuer of its client', (issuerUrl, issuer) => {
    expect(declare({ issuerUrl }, KANIDM).issuerUrl).toBe(issuer);
  });

  it.each([
    ['https://idm.example.com/oauth2/openid/other'],
    ['https://idm.example.com/oauth2/openid/proxmox/'],
    ['https://idm.example.com/elsewhere'],
    [undefined],
  ])('does not take %s for it', (issuerUrl) => {
    expect(problemsOf({ issuerUrl }, KANIDM)).toEqual([expect.stringMatching(/^REALM_ISSUER_URL: /)]);
  });
});

describe('a realm of any other provider', () => {
  it('keeps its issuer to the letter, and needs no client secret', () => {
    expect(declare({}, GENERIC)).toMatchObject({
      issuerUrl: 'https://id.example.com/',
      clientKey: undefined,
      usernameClaim: 'subject',
      queryUserinfo: undefined,
    });
    expect(problemsOf({ clientKey: undefined }, KANIDM)).toEqual([
      expect.stringMatching(/^REALM_CLIENT_SECRET: missing/),
    ]);
  });
});

describe('a wish with mistakes', () => {
  it('is told every one of them at once', () => {
    const problems = problemsOf({
      realm: undefined,
      clientId: '',
      clientKey: undefined,
      tenantId: 'x',
      groupsOverwrite: true,
      scopes: ['a"b'],
      prompt: 'log in',
      origins: ['https://pve1.example.com:8006/pve'],
    });

    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'REALM',
      'REALM_CLIENT_ID',
      'REALM_CLIENT_SECRET',
      'ENTRA_TENANT_ID',
      'REALM_SCOPES',
      'REALM_PROMPT',
      'REALM_ORIGINS',
      'REALM_GROUPS_OVERWRITE',
    ]);
  });

  it.each<[string, Partial<RealmWish>]>([
    ['a path for a realm', { realm: '../entra' }],
    ['a realm of Proxmox itself', { realm: 'pam' }],
    ['one letter', { realm: 'e' }],
    ['a newline in the realm', { realm: 'entra\nroot' }],
    ['33 letters', { realm: 'e'.repeat(33) }],
    ['a newline in the client id', { clientId: 'a\nautocreate 1' }],
    ['a newline in the secret', { clientKey: `${KEY}\n\tautocreate 1` }],
    ['a space before the secret', { clientKey: ` ${KEY}` }],
    ['a secret that is too long', { clientKey: 'k'.repeat(257) }],
    ['an empty secret', { clientKey: '' }],
    ['a space in groups-claim', { groupsClaim: 'a b' }],
    ['a semicolon in groups-claim', { groupsClaim: 'a;b' }],
    ['a URL as groups-claim', { groupsClaim: 'https://example.com/groups' }],
    ['a comma in the username-claim', { usernameClaim: 'a,b' }],
    ['an empty username-claim', { usernameClaim: '' }],
    ['quotes in acr-values', { acrValues: ['"'] }],
    ['a space in audiences', { audiences: ['a b'] }],
    ['a newline in the comment', { comment: 'a\nb' }],
    ['an http issuer', { issuerUrl: `http://login.microsoftonline.com/${TENANT}/v2.0` }],
    ['an http address', { origins: ['http://pve1.example.com:8006'] }],
  ])('is refused for %s', (_, change) => {
    const problems = problemsOf(change);

    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join()).not.toContain(KEY);
  });

  it('becomes no declaration that Proxmox would store otherwise, whatever stands in it', () => {
    const hostile = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (realm, clientId, clientKey, groupsClaim) => {
        const read = declareRealm({ ...ENTRA, realm, clientId, clientKey, groupsClaim });
        if (!read.ok) return;

        expect(read.realm.realm).toMatch(/^[A-Za-z][A-Za-z0-9._-]{1,31}$/);
        expect(read.realm.groups?.claim).toMatch(/^[A-Za-z0-9._-]+$/);
        for (const text of [clientId, clientKey]) expect(text).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
      }),
    );
  });
});

describe('a client key', () => {
  it('is given to who asks for it, and shown in no text', () => {
    const key = holdClientKey(KEY);

    const texts = [JSON.stringify({ key }), `${key}`, String(key), inspect({ key }, { depth: 9 }), inspect(declare())];

    expect(key.reveal()).toBe(KEY);
    for (const text of texts) expect(text).not.toContain(KEY);
  });
});

describe('claims', () => {
  it('are those of the token behind the names that Proxmox has of its own', () => {
    expect(['subject', 'username', 'email', 'upn', 'constructor'].map(claimOf)).toEqual([
      'sub',
      'preferred_username',
      'email',
      'upn',
      'constructor',
    ]);
  });
});
