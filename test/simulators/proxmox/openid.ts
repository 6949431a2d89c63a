import { createHash, randomBytes } from 'node:crypto';
import type { Route, Service } from './call.js';
import { fault } from './errors.js';
import type { Field } from './fields.js';
import { readParams } from './fields.js';
import { splitList } from './identity.js';
import { refusedLogin, settleLogin } from './openid-login.js';
import { type PendingLogin, withProvider } from './openid-provider.js';
import type { RealmRecord } from './records.js';
import type { Tickets } from './tickets.js';

const REDIRECT = { type: 'text', required: true, maxLength: 255 } as const satisfies Field;
const URL_FIELDS = { realm: { type: 'text', required: true, maxLength: 32 }, 'redirect-url': REDIRECT } as const;
const LOGIN_FIELDS = {
  code: { type: 'text', required: true, maxLength: 4096 },
  state: { type: 'text', required: true, maxLength: 1024 },
  'redirect-url': REDIRECT,
} as const;

/**
 * /access/openid: where the login page gets the address that it sends the browser to, and brings what the browser came
 * back with. Both are for everybody, and both make the node ask the provider.
 */
export function openIdRoutes(service: Service, tickets: Tickets, trusted: string): Route[] {
  const pending = new Map<string, PendingLogin>();

  function realmOf(name: string): RealmRecord {
    const record = service.state.realms.get(name);
    if (record === undefined) throw fault(`authentication domain '${name}' does not exist`);
    if (record.type !== 'openid') throw fault(`wrong realm type (${record.type} != openid)`);
    return record;
  }

  return [
    {
      method: 'GET',
      template: '/access/openid',
      handle({ raw }) {
        readParams({}, raw);
        return [{ subdir: 'auth-url' }, { subdir: 'login' }];
      },
    },
    {
      method: 'POST',
      template: '/access/openid/auth-url',
      world: true,
      async handle({ raw }) {
        const params = readParams(URL_FIELDS, raw);
        const record = realmOf(params.must('realm'));
        try {
          return await withProvider(record, trusted, async ({ authorizationEndpoint }) => {
            const { state, login, url } = begin(record, authorizationEndpoint, params.must('redirect-url'));
            pending.set(state, login);
            return url;
          });
        } catch (error) {
          throw fault(`openid discovery failed: ${error instanceof Error ? error.message : String(error)}`);
        }
      },
    },
    {
      method: 'POST',
      template: '/access/openid/login',
      world: true,
      async handle({ raw }) {
        const params = readParams(LOGIN_FIELDS, raw);
        const login = pending.get(params.must('state'));
        pending.delete(params.must('state'));
        if (login === undefined || login.redirect !== params.must('redirect-url')) throw refusedLogin();
        const record = realmOf(login.realm);
        const queryUserinfo = record.settings['query-userinfo'] !== 0;
        const claims = await withProvider(record, trusted, ({ claimsOf }) =>
          claimsOf(params.must('code'), login, { queryUserinfo }),
        ).catch(() => {
          throw refusedLogin();
        });
        const { state } = service;
        const userid = state.transact(() => settleLogin(state, record, claims, service.nowSeconds()));
        const { ticket, csrf } = tickets.issue(userid);
        return { username: userid, ticket, CSRFPreventionToken: csrf, cap: {}, clustername: 'simulated' };
      },
    },
  ];
}

function begin({ realm, settings }: RealmRecord, endpoint: string, redirect: string) {
  const login = { realm, redirect, verifier: token(), nonce: token() };
  const state = JSON.stringify({ csrf_token: token(), realm });
  const scopes = splitList(String(settings.scopes ?? 'email profile')).filter((scope) => scope !== 'openid');
  const url = new URL(endpoint);
  const query: Record<string, string> = {
    response_type: 'code',
    client_id: String(settings['client-id']),
    redirect_uri: redirect,
    scope: ['openid', ...scopes].join(' '),
    state,
    nonce: login.nonce,
    code_challenge: createHash('sha256').update(login.verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  if (settings.prompt) query.prompt = String(settings.prompt);
  if (settings['acr-values']) query.acr_values = splitList(String(settings['acr-values'])).join(' ');
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return { state, login, url: url.href };
}

function token(): string {
  return randomBytes(32).toString('base64url');
}
