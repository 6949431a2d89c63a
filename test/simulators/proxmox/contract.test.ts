import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Contract, loadContract } from '../contract.js';
import { createTestAuthority, type TestAuthority } from '../tls.js';
import { type ProxmoxSimulator, startProxmoxSimulator } from './index.js';
import { type Answer, type Client, createClient, type Sent } from './test-client.js';

const contract = loadContract('proxmox-access.openapi.json');
const where = contract === undefined ? ' (skipped: the contract document is not beside this checkout)' : '';

let authority: TestAuthority;
let node: ProxmoxSimulator;
let root: Client;
let service: Client;

beforeAll(async () => {
  authority = await createTestAuthority();
  node = await startProxmoxSimulator({ authority });
  const { token } = node.prepareFor({ realm: 'entra', groups: ['members', 'admins'], roles: { admins: 'PVEAdmin' } });
  node.addUser({ userid: 'alice@pve', password: 'correct horse' });
  node.addUser({ userid: 'carla@pve', password: 'correct horse', keys: 'x' });
  root = createClient({ url: node.url, ca: authority.cert, session: node.session('root@pam') });
  service = createClient({ url: node.url, ca: authority.cert, token });
});

afterAll(() => node.close());

type Step = [client: 'root' | 'service' | 'nobody', method: string, path: string, sent?: Sent];

const ALICE = { username: 'alice@pve', password: 'correct horse' };

const OPENID_REALM = {
  realm: 'login',
  type: 'openid',
  'issuer-url': 'https://login.example.com/v2.0',
  'client-id': 'proxmox',
  'client-key': 'key of the client',
  'username-claim': 'preferred_username',
  scopes: 'email profile',
  autocreate: false,
  prompt: 'select_account',
  'acr-values': 'phr,phrh',
  'groups-claim': 'roles',
  'groups-overwrite': false,
  'groups-autocreate': 0,
  'query-userinfo': true,
  audiences: 'https://proxmox.example.com',
  comment: 'People',
};

/** Calls that are right in form, and the answers of all kinds that they get. */
const STEPS: readonly Step[] = [
  ['nobody', 'GET', '/version'],
  ['nobody', 'GET', '/access/domains'],
  ['nobody', 'POST', '/access/ticket', { form: ALICE }],
  ['nobody', 'POST', '/access/ticket', { json: { ...ALICE, password: 'wrong' } }],
  ['nobody', 'POST', '/access/ticket', { json: { ...ALICE, username: 'carla@pve' } }],
  ['service', 'GET', '/version'],
  ['service', 'GET', '/access'],
  ['service', 'POST', '/access/users', { form: { userid: 'bob@entra', enable: '1', groups: 'members-entra' } }],
  ['service', 'POST', '/access/users', { json: { userid: 'bob@entra', enable: true, groups: 'members-entra' } }],
  ['service', 'POST', '/access/users', { json: { userid: 'eve@entra' } }],
  ['service', 'PUT', '/access/users/bob@entra', { json: { enable: false, comment: 'x', groups: 'admins-entra' } }],
  ['service', 'PUT', '/access/users/bob@entra', { form: { groups: 'members-entra', append: '1' } }],
  ['service', 'GET', '/access/users', { query: { full: '1' } }],
  ['service', 'GET', '/access/users', { query: { enabled: '0' } }],
  ['service', 'GET', '/access/users/bob@entra'],
  ['service', 'GET', '/access/users/nobody@entra'],
  ['service', 'GET', '/access/permissions'],
  ['service', 'GET', '/access/groups'],
  ['service', 'GET', '/access/acl'],
  ['service', 'GET', '/cluster/status'],
  ['root', 'POST', '/access/users/bob@entra/token/ci', { json: { privsep: false, expire: 0, comment: 'ci' } }],
  ['root', 'POST', '/access/users/bob@entra/token/cd', { form: { privsep: '0', expire: '0' } }],
  ['root', 'GET', '/access/users/bob@entra/token'],
  ['root', 'GET', '/access/users/bob@entra/token/ci'],
  ['root', 'PUT', '/access/users/bob@entra/token/ci', { json: { regenerate: true } }],
  ['root', 'GET', '/access/users', { query: { full: '1' } }],
  ['root', 'GET', '/access/users/bob@entra'],
  ['root', 'DELETE', '/access/users/bob@entra/token/ci'],
  ['root', 'POST', '/access/groups', { json: { groupid: 'more', comment: 'c' } }],
  ['root', 'GET', '/access/groups'],
  ['root', 'GET', '/access/groups/members-entra'],
  ['root', 'PUT', '/access/groups/more', { form: { comment: 'd' } }],
  ['root', 'POST', '/access/roles', { json: { roleid: 'Mine', privs: 'VM.Audit' } }],
  ['root', 'PUT', '/access/roles/Mine', { json: { privs: 'VM.Clone', append: true } }],
  ['root', 'GET', '/access/roles'],
  ['root', 'GET', '/access/roles/Administrator'],
  ['root', 'PUT', '/access/acl', { json: { path: '/', roles: 'Mine', groups: 'more', propagate: false } }],
  ['root', 'GET', '/access/acl'],
  ['root', 'GET', '/access/domains/entra'],
  ['root', 'POST', '/access/domains', { json: OPENID_REALM }],
  ['root', 'POST', '/access/domains', { json: OPENID_REALM }],
  ['root', 'GET', '/access/domains/login'],
  ['root', 'GET', '/access/domains/nowhere'],
  ['service', 'GET', '/access/domains/login'],
  ['nobody', 'GET', '/access/domains'],
  ['root', 'PUT', '/access/domains/login', { json: { autocreate: false, delete: 'prompt,acr-values' } }],
  ['root', 'PUT', '/access/domains/login', { form: { autocreate: '1', digest: '0'.repeat(40) } }],
  ['root', 'PUT', '/access/domains/nowhere', { form: { autocreate: '1' } }],
  ['root', 'POST', '/access/domains/login/sync', { json: {} }],
  ['service', 'GET', '/access/openid'],
  ['nobody', 'POST', '/access/openid/auth-url', { json: { realm: 'pam', 'redirect-url': 'https://pve1:8006' } }],
  ['nobody', 'POST', '/access/openid/login', { json: { code: 'c', state: 's', 'redirect-url': 'https://pve1:8006' } }],
  ['root', 'DELETE', '/access/domains/login'],
  ['root', 'GET', '/cluster/status'],
  ['root', 'DELETE', '/access/roles/Mine'],
  ['root', 'DELETE', '/access/groups/more'],
  ['service', 'DELETE', '/access/users/bob@entra'],
  ['root', 'PUT', '/access/password', { json: { userid: 'alice@pve', password: 'another one' } }],
];

/** Calls that are wrong in form; their answers are right all the same. */
const WRONG: readonly Step[] = [
  ['root', 'POST', '/access/users', { json: { userid: 'carl@entra', realm: 'entra' } }],
  ['root', 'POST', '/access/users', { json: { comment: 'no id' } }],
  ['root', 'PUT', '/access/users/alice@pve', { json: { expire: -5 } }],
  ['root', 'POST', '/access/roles', { json: { role: 'Mine' } }],
  ['root', 'PUT', '/access/acl', { json: { path: '/' } }],
  ['root', 'POST', '/access/domains', { json: { ...OPENID_REALM, 'groups-claim': 'a b' } }],
  ['root', 'POST', '/access/domains', { json: { ...OPENID_REALM, audiences: 'a b' } }],
  ['root', 'PUT', '/access/domains/entra', { json: { 'username-claim': 'email' } }],
  ['root', 'PUT', '/access/domains/entra', { json: { type: 'openid' } }],
  ['nobody', 'POST', '/access/openid/auth-url', { json: { realm: 'entra' } }],
];

/**
 * A node was measured to answer null for "no tokens", and to echo the numbers of a form as strings,
 * though its own schema says otherwise; everything else has to fit as it stands.
 */
function withoutMeasuredDeviations(key: string, value: unknown): unknown {
  if (key === 'tokens' && value === null) return undefined;
  return key === 'expire' && typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
}

async function play([who, method, path, sent]: Step): Promise<Answer> {
  const clients = { root, service, nobody: createClient({ url: node.url, ca: authority.cert }) };
  return clients[who](method, path, sent);
}

function exchangeOf([, method, path, sent = {}]: Step, answer: Answer) {
  const query = sent.query === undefined ? '' : `?${new URLSearchParams(sent.query)}`;
  const type = sent.json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
  return {
    method,
    path: `${path}${query}`,
    requestHeaders: { 'content-type': type },
    requestBody: sent.json ?? sent.form,
    status: answer.status,
    responseBody: answer.text === '' ? undefined : JSON.parse(answer.text, withoutMeasuredDeviations),
  };
}

describe('the simulated node and the published schema', () => {
  it.skipIf(contract === undefined)(`agree on every request and every answer${where}`, async () => {
    const schema = contract as Contract;
    const faults: string[] = [];
    const statuses = new Set<number>();

    for (const step of STEPS) {
      const answer = await play(step);
      statuses.add(answer.status);
      const found = schema.check(exchangeOf(step, answer));
      faults.push(...found.map((text) => `${step.slice(0, 3).join(' ')}: ${text}`));
    }

    expect(faults).toEqual([]);
    expect([...statuses].sort()).toEqual([200, 401, 403, 500]);
  });

  it.skipIf(contract === undefined)(`both refuse what is wrong in form${where}`, async () => {
    const schema = contract as Contract;

    for (const step of WRONG) {
      const answer = await play(step);

      const exchange = exchangeOf(step, answer);
      expect(schema.checkRequest(exchange), step.slice(0, 3).join(' ')).not.toEqual([]);
      expect([step[2], answer.status]).toEqual([step[2], 400]);
      expect(schema.checkResponse(exchange)).toEqual([]);
    }
  });
});
