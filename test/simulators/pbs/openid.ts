import { createHash } from 'node:crypto';
import { type Fields, Refusal } from './fields.js';
import type { Route, Service } from './service.js';
import type { Realm } from './state.js';

const TEXTS = {
  'client-key': 'text',
  scopes: 'text',
  'acr-values': 'text',
  prompt: 'text',
  comment: 'text',
  autocreate: 'flag',
} as const satisfies Fields;
const DELETABLE = ['client-key', 'comment', 'autocreate', 'scopes', 'prompt', 'acr-values'];

/** /config/access/openid: what a realm is made of. Its username-claim is for its making alone, its key is never shown. */
export function openidRoutes(service: Service): Route[] {
  const { state, require } = service;
  const single = '/config/access/openid/{realm}';
  const digest = () => createHash('sha256').update(`${state.realmWrites}`).digest('hex');
  const existing = (name: unknown): Realm => {
    const realm = state.realms.get(String(name));
    if (!realm) throw new Refusal(`no such openid '${name}'`);
    return realm;
  };
  const put = (name: unknown, realm: Realm) => {
    state.realms.set(String(name), realm);
    state.realmWrites += 1;
    return null;
  };
  return [
    {
      call: `GET ${single}`,
      fields: { realm: ['text'] },
      digest,
      handle({ caller, params }) {
        require(caller, '/access/domains', 'Sys.Audit');
        const { 'client-key': _, ...shown } = existing(params.realm);
        return { realm: params.realm, ...shown };
      },
    },
    {
      call: 'POST /config/access/openid',
      fields: { realm: ['text'], 'issuer-url': ['text'], 'client-id': ['text'], 'username-claim': 'text', ...TEXTS },
      handle({ caller, params }) {
        require(caller, '/access/domains', 'Realm.Allocate');
        const { realm, ...rest } = params;
        if (['pam', 'pbs', ...state.realms.keys()].includes(String(realm))) {
          throw new Refusal(`realm '${realm}' already exists.`);
        }
        return put(realm, rest as Realm);
      },
    },
    {
      call: `PUT ${single}`,
      fields: { realm: ['text'], 'issuer-url': 'text', 'client-id': 'text', ...TEXTS, delete: 'list', digest: 'text' },
      handle({ caller, params }) {
        require(caller, '/access/domains', 'Realm.Allocate');
        const { realm, delete: doomed = [], digest: expected, ...rest } = params;
        const before = existing(realm);
        if (expected !== undefined && expected !== digest()) {
          throw new Refusal('detected modified configuration - file changed by other user? Try again.');
        }
        const unknown = (doomed as string[]).find((name) => !DELETABLE.includes(name));
        if (unknown !== undefined)
          throw new Refusal(`parameter 'delete': value '${unknown}' is not defined in the enumeration.`);
        const kept = Object.entries(before).filter(([name]) => !(doomed as string[]).includes(name));
        return put(realm, { ...Object.fromEntries(kept), ...(rest as Realm) });
      },
    },
  ];
}
