import { expect, test } from 'vitest';
import { pbsTokenCredential } from '../../../../../src/targets/proxmox/pbs/credential.js';
import { translate } from '../../../../../src/targets/proxmox/pbs/translate.js';
import type { TransportRequest } from '../../../../../src/targets/proxmox/transport/transport.js';

const TOKEN = '/access/users/{userid}/token/{tokenid}';
const OF = { userid: 'backup@pbs', tokenid: 'nightly' };

function answerTo(request: TransportRequest, data: unknown, digest?: string): unknown {
  return translate(request).answer(data, digest);
}

test('gives one holder and one role of an access entry, and flags as JSON has them', () => {
  const body = { path: '/datastore/a', roles: 'Audit', propagate: 0, tokens: 'backup@pbs!nightly', delete: 1 };

  const { request } = translate({ method: 'PUT', route: '/access/acl', body });

  expect(request.body).toEqual({
    path: '/datastore/a',
    role: 'Audit',
    'auth-id': 'backup@pbs!nightly',
    propagate: false,
    delete: true,
  });
});

test('leaves privilege separation out, which every token of this server has', () => {
  const { request } = translate({ method: 'POST', route: TOKEN, params: OF, body: { expire: 0, privsep: 1 } });

  expect(request.body).toEqual({ expire: 0 });
});

test.each<[string, TransportRequest, RegExp]>([
  ['a token without', { method: 'POST', route: TOKEN, params: OF, body: { privsep: 0 } }, /always have rights/],
  ['groups of a user', { method: 'PUT', route: '/access/users/{userid}', body: { groups: 'a' } }, /has no groups/],
  ['rights of a group', { method: 'PUT', route: '/access/acl', body: { groups: 'a' } }, /has no groups/],
  ['a claim of groups', { method: 'POST', route: '/access/domains', body: { 'groups-claim': 'a' } }, /has no groups/],
  ['a role of its own', { method: 'POST', route: '/access/roles', body: {} }, /nothing like POST \/access\/roles/],
  ['a group', { method: 'POST', route: '/access/groups', body: {} }, /nothing like POST \/access\/groups/],
])('refuses %s by its name, without asking', (_what, request, why) => {
  expect(() => translate(request)).toThrow(why);
});

test.each(['value', 'secret'])('takes the secret of a new token from "%s"', (field) => {
  const request = { method: 'POST', route: TOKEN, params: OF, body: { expire: 5, comment: 'x' } } as const;

  const answer = answerTo(request, { tokenid: 'backup@pbs!nightly', [field]: 'the-secret' });

  expect(answer).toEqual({
    'full-tokenid': 'backup@pbs!nightly',
    info: { comment: 'x', expire: 5, privsep: 1 },
    value: 'the-secret',
  });
});

test.each<[string, unknown]>([
  ['no secret', { tokenid: 'backup@pbs!nightly' }],
  ['that of another token', { tokenid: 'other@pbs!nightly', value: 'the-secret' }],
  ['nothing', null],
])('takes no answer with %s for that of a new token', (_what, data) => {
  const request = { method: 'POST', route: TOKEN, params: OF, body: {} } as const;

  expect(() => answerTo(request, data)).toThrow();
});

test('shows a token among the entries as one, and a user who is not disabled as enabled', () => {
  const entry = { path: '/', ugid: 'a@pbs!b', ugid_type: 'user', roleid: 'Admin', propagate: true };
  const user = { userid: 'a@pbs', tokens: [{ tokenid: 'a@pbs!b', expire: 7 }] };

  expect(answerTo({ method: 'GET', route: '/access/acl' }, [entry])).toMatchObject([{ type: 'token', propagate: 1 }]);
  expect(answerTo({ method: 'GET', route: '/access/users', query: { full: '1' } }, [user])).toMatchObject([
    { userid: 'a@pbs', enable: 1, groups: '', tokens: [{ tokenid: 'b', expire: 7, privsep: 1 }] },
  ]);
  expect(answerTo({ method: 'GET', route: '/access/users' }, [{ ...user, enable: false }])).toMatchObject([
    { enable: 0 },
  ]);
});

test('puts the digest, which stands beside the data, among the settings of a realm', () => {
  const request = { method: 'GET', route: '/access/domains/{realm}', params: { realm: 'entra' } } as const;

  expect(translate(request).request.route).toBe('/config/access/openid/{realm}');
  expect(answerTo(request, { 'client-id': 'x' }, 'abc')).toEqual({ 'client-id': 'x', type: 'openid', digest: 'abc' });
});

test.each(['a@pbs!b:s3cret-s3cret', 'a@pbs!b=s3cret-s3cret', 'PBSAPIToken=a@pbs!b:s3cret-s3cret'])(
  'takes a token as this server writes it and as Proxmox VE does: %s',
  async (text) => {
    const credential = pbsTokenCredential(text, 'a file');
    const proof = await credential.prove(async () => ({ kind: 'lost', what: '' }), AbortSignal.timeout(1000));

    expect(proof.ok && proof.headers('GET')).toEqual({ authorization: 'PBSAPIToken=a@pbs!b:s3cret-s3cret' });
    expect(credential.caller).toMatchObject({ id: 'a@pbs!b', owner: 'a@pbs' });
  },
);

test('repeats nothing of what is no token', () => {
  expect(() => pbsTokenCredential('hunter2-hunter2', '/etc/x')).toThrow(/^\/etc\/x holds no API token/);
  expect(() => pbsTokenCredential('hunter2-hunter2', '/etc/x')).not.toThrow(/hunter2/);
});
