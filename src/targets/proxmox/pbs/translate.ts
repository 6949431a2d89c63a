import { Rejected } from '../../../domain/errors.js';
import type { TransportRequest } from '../transport/transport.js';
import { aclOf, permissionsOf, privilegesOf, realmOf, rolesOf, tokenOf, tokenSecretOf, usersOf } from './answers.js';

/** One call in the words of Proxmox Backup Server, and what turns its answer back. */
export interface Translated {
  request: TransportRequest;
  /** `digest`: what stands beside the data. Throws where the data has another shape. */
  answer: (data: unknown, digest: string | undefined) => unknown;
}

const asItIs = (data: unknown) => data;
const nothing = () => null;

const TOKEN = '/access/users/{userid}/token/{tokenid}';
const REALM = '/access/domains/{realm}';
const OPENID = '/config/access/openid';

/** Calls that both have under the same name, by method and route. */
const SAME: Readonly<Record<string, Translated['answer']>> = {
  'GET /version': asItIs,
  'GET /access/roles': rolesOf,
  'GET /access/acl': aclOf,
  'GET /access/permissions': permissionsOf,
  'GET /access/domains': asItIs,
  // One that calls itself localhost, which no browser knows it by.
  'GET /nodes': () => [],
  'DELETE /access/users/{userid}': nothing,
  [`DELETE ${TOKEN}`]: nothing,
  [`GET ${TOKEN}`]: tokenOf,
};

/**
 * A call of Proxmox VE as one of Proxmox Backup Server (proxmox-backup 3.2, src/api2/access and src/api2/config/access).
 * Where the two differ: no groups, no roles of one's own, tokens always with rights of their own, one holder and one role
 * to a call, flags as JSON's true and false, and the digest beside the data. Throws Rejected for what it does not have.
 */
export function translate(request: TransportRequest): Translated {
  const { method, route } = request;
  const name = `${method} ${route}`;
  const same = SAME[name];
  if (same) return { request, answer: same };
  switch (name) {
    case 'GET /access/roles/{roleid}':
      return { request: { method, route: '/access/roles' }, answer: (data) => privilegesOf(data, 'Admin') };
    case 'GET /access/users':
      return { request: { ...request, query: { include_tokens: 'true' } }, answer: usersOf };
    case 'POST /access/users':
    case 'PUT /access/users/{userid}':
      return { request: { ...request, body: userBody(request) }, answer: nothing };
    case `POST ${TOKEN}`:
    case `PUT ${TOKEN}`:
      return { request: { ...request, body: tokenBody(request) }, answer: tokenAnswer(request) };
    case 'PUT /access/acl':
      return { request: { ...request, body: aclBody(request) }, answer: nothing };
    case `GET ${REALM}`:
      return { request: { ...request, route: `${OPENID}/{realm}` }, answer: realmOf };
    case 'POST /access/domains':
      return { request: { ...request, route: OPENID, body: realmBody(request) }, answer: nothing };
    case `PUT ${REALM}`:
      return { request: { ...request, route: `${OPENID}/{realm}`, body: realmBody(request) }, answer: nothing };
    default:
      throw new Rejected(`Proxmox Backup Server has nothing like ${name} of Proxmox VE`);
  }
}

type Body = NonNullable<TransportRequest['body']>;

function userBody({ body = {} }: TransportRequest): Body {
  refuse(body, ['groups', 'append'], 'has no groups');
  const { enable, ...rest } = body;
  return enable === undefined ? rest : { ...rest, enable: isOn(enable) };
}

function tokenBody({ body = {} }: TransportRequest): Body {
  const { privsep, regenerate, ...rest } = body;
  if (privsep !== undefined && !isOn(privsep)) {
    throw new Rejected('tokens of Proxmox Backup Server always have rights of their own: leave privsep out, or set 1');
  }
  return regenerate === undefined ? rest : { ...rest, regenerate: isOn(regenerate) };
}

function tokenAnswer({ method, params = {}, body = {} }: TransportRequest): Translated['answer'] {
  const fullId = `${params.userid}!${params.tokenid}`;
  if (method === 'PUT' && body.regenerate === undefined) return nothing;
  return (data) => tokenSecretOf(data, fullId, body);
}

function aclBody({ body = {} }: TransportRequest): Body {
  refuse(body, ['groups'], 'has no groups');
  const { path = '', roles = '', propagate, users, tokens, delete: remove } = body;
  return {
    path,
    role: roles,
    'auth-id': users ?? tokens ?? '',
    ...(propagate === undefined ? {} : { propagate: isOn(propagate) }),
    ...(remove === undefined ? {} : { delete: isOn(remove) }),
  };
}

const NOT_OF_REALMS = ['groups-claim', 'groups-overwrite', 'groups-autocreate', 'query-userinfo'] as const;

function realmBody({ body = {} }: TransportRequest): Body {
  refuse(body, NOT_OF_REALMS, 'has no groups');
  const { type: _, autocreate, delete: remove, ...rest } = body;
  return {
    ...rest,
    ...(autocreate === undefined ? {} : { autocreate: isOn(autocreate) }),
    ...(remove === undefined ? {} : { delete: String(remove).split(',') }),
  };
}

function refuse(body: Body, names: readonly string[], why: string): void {
  const given = names.find((name) => body[name] !== undefined);
  if (given !== undefined) throw new Rejected(`${given}: Proxmox Backup Server ${why}`);
}

function isOn(value: Body[string]): boolean {
  return value === true || value === 1 || value === '1';
}
