import type { Route, Service } from './call.js';
import type { DomainsFile } from './domains-file.js';
import { fault, invalid } from './errors.js';
import { type Fields, type Params, readParams } from './fields.js';
import { splitList } from './identity.js';
import { changeFields, creationFields, REALM_ALONE, SYNC_FIELDS, settingFields } from './realm-fields.js';
import type { RealmRecord } from './records.js';
import type { State } from './state.js';

const ALLOCATE = ['Realm.Allocate'];
const RACE = 'detected modified configuration - file changed by other user? Try again.';

/** /access/domains, which the login page reads without a login, and one realm's settings. */
export function realmRoutes(service: Service, file: DomainsFile): Route[] {
  const { state, permissions, release } = service;
  const settings = settingFields(release);

  return [
    {
      method: 'GET',
      template: '/access/domains',
      world: true,
      handle({ raw }) {
        readParams({}, raw);
        const realms = service.shuffle([...state.realms.values()]);
        return realms.map(({ realm, type, comment, settings: { default: isDefault } }) => {
          const entry = { realm, type, comment };
          return isDefault ? { ...entry, default: 1 } : entry;
        });
      },
    },
    {
      method: 'POST',
      template: '/access/domains',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access/realm', ALLOCATE);
        const params = readParams(creationFields(release), raw);
        await file.write('add auth server failed', () => create(state, settings, params));
        return null;
      },
    },
    {
      method: 'GET',
      template: '/access/domains/{realm}',
      handle({ caller, raw }) {
        permissions.require(caller, '/access/realm', ['Realm.Allocate', 'Sys.Audit']);
        const { type, comment, settings: shown } = existing(state, readParams(REALM_ALONE, raw).must('realm'));
        return { type, comment, ...shown, digest: file.digest() };
      },
    },
    {
      method: 'PUT',
      template: '/access/domains/{realm}',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access/realm', ALLOCATE);
        const params = readParams(changeFields(release), raw);
        await file.write('update auth server failed', () => {
          const digest = params.text('digest');
          if (digest !== undefined && digest !== file.digest()) throw fault(RACE);
          change(state, settings, params);
        });
        return null;
      },
    },
    {
      method: 'DELETE',
      template: '/access/domains/{realm}',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access/realm', ALLOCATE);
        const name = readParams(REALM_ALONE, raw).must('realm');
        await file.write('delete auth server failed', () => state.dropRealm(existing(state, name).realm));
        return null;
      },
    },
    {
      method: 'POST',
      template: '/access/domains/{realm}/sync',
      handle({ caller, raw }) {
        permissions.require(caller, `/access/realm/${String(raw.realm)}`, ['Realm.AllocateUser']);
        permissions.require(caller, '/access/groups', ['User.Modify']);
        const { type } = existing(state, readParams(SYNC_FIELDS, raw).must('realm'));
        throw fault(`Cannot sync realm type '${type}'! Only LDAP/AD realms can be synced.`);
      },
    },
  ];
}

/** @throws ApiError 500 */
function existing(state: State, name: string): RealmRecord {
  const record = state.realms.get(name);
  if (record === undefined) throw fault(`domain '${name}' does not exist`);
  return record;
}

function create(state: State, fields: Fields, params: Params): void {
  const realm = params.must('realm');
  const type = params.must('type');
  if (state.realms.has(realm)) throw fault(`domain '${realm}' already exists`);
  if (type === 'pam' || type === 'pve') throw fault(`unable to create builtin type '${type}'`);
  if (type !== 'openid') throw fault(`the simulated node makes no realm of the type '${type}'`);
  const missing = ['issuer-url', 'client-id'].filter((name) => params.text(name) === undefined);
  if (missing.length > 0) {
    throw invalid(Object.fromEntries(missing.map((name) => [name, 'property is missing and it is not optional'])));
  }
  const claim = params.text('username-claim');
  const settings = { ...(claim === undefined ? {} : { 'username-claim': claim }), ...given(fields, params) };
  put(state, { realm, type, comment: params.text('comment'), settings });
}

function change(state: State, fields: Fields, params: Params): void {
  const before = state.realms.get(params.must('realm'));
  if (before === undefined)
    throw fault('cannot lookup undefined type! at /usr/share/perl5/PVE/SectionConfig.pm line 401.');
  const doomed = new Set(splitList(params.text('delete') ?? ''));
  const kept = Object.fromEntries(Object.entries(before.settings).filter(([name]) => !doomed.has(name)));
  const comment = params.text('comment') ?? (doomed.has('comment') ? undefined : before.comment);
  // Without one of these the section is as good as with an empty one.
  const lost = Object.fromEntries(
    ['issuer-url', 'client-id'].filter((name) => doomed.has(name)).map((name) => [name, '']),
  );
  put(state, { ...before, comment, settings: { ...kept, ...lost, ...given(fields, params) } });
}

/** One realm at most is what the login page proposes. */
function put(state: State, record: RealmRecord): void {
  if (record.settings.default) {
    for (const other of [...state.realms.values()]) {
      const { default: _, ...rest } = other.settings;
      if (other.realm !== record.realm) state.putRealm({ ...other, settings: rest });
    }
  }
  state.putRealm(record);
}

function given(fields: Fields, params: Params): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => {
      const text = name === 'comment' ? undefined : params.text(name);
      if (text === undefined) return [];
      return [[name, field.type === 'boolean' ? Number(text) : text]];
    }),
  );
}
