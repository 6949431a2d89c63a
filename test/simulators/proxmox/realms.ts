import { createHash } from 'node:crypto';
import type { Route, Service } from './call.js';
import { fault } from './errors.js';
import { readParams } from './fields.js';
import type { RealmRecord } from './records.js';

/** /access/domains, which the login page reads without a login, and one realm's settings. */
export function realmRoutes(service: Service): Route[] {
  const { state, permissions } = service;

  return [
    {
      method: 'GET',
      template: '/access/domains',
      world: true,
      handle({ raw }) {
        readParams({}, raw);
        const realms = service.shuffle([...state.realms.values()]);
        return realms.map(({ realm, type, comment }) => ({ realm, type, comment }));
      },
    },
    {
      method: 'GET',
      template: '/access/domains/{realm}',
      handle({ caller, raw }) {
        permissions.require(caller, '/access/realm', ['Realm.Allocate', 'Sys.Audit']);
        const realm = readParams({ realm: { type: 'text', required: true, maxLength: 32 } }, raw).must('realm');
        const record = state.realms.get(realm);
        if (record === undefined) throw fault(`domain '${realm}' does not exist`);
        const { type, comment, settings } = record;
        return { type, comment, ...settings, digest: digestOf([...state.realms.values()]) };
      },
    },
  ];
}

/** Changes with every change of any realm. */
function digestOf(realms: readonly RealmRecord[]): string {
  return createHash('sha1').update(JSON.stringify(realms)).digest('hex');
}
