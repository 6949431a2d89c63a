import { randomBytes, randomUUID } from 'node:crypto';
import type { SimulatorClock } from './clock.js';
import type { DirectoryState } from './directory-state.js';
import { GraphFailure, notFound } from './errors.js';
import { demand } from './roles.js';
import type { Answer, Caller, Incoming, Route } from './types.js';

export interface Password {
  keyId: string;
  displayName: string | null;
  hint: string;
  startDateTime: string;
  endDateTime: string;
}

/** An application object, as Graph shows it; `owner`: the client id of the application that made it. */
export interface ApplicationRecord {
  id: string;
  appId: string;
  owner: string | undefined;
  properties: Record<string, unknown>;
  passwords: (Password & { secretText: string })[];
}

export interface PrincipalRecord {
  id: string;
  appId: string;
  properties: Record<string, unknown>;
  assignments: { id: string; principalId: string; appRoleId: string }[];
}

/** App registrations, as an administrator sees them past all permissions. */
export interface ApplicationsControl {
  all(): readonly ApplicationRecord[];
  principals(): readonly PrincipalRecord[];
  /** One that somebody made by hand. Returns its record. */
  add(properties: Record<string, unknown>, appId?: string): ApplicationRecord;
  /** A secret in plain text, as addPassword gives one. */
  addPassword(id: string, secretText: string, endDateTime: string): void;
  clear(): void;
  /** So many creations of a service principal are refused, since the application is not seen everywhere yet. */
  lag(creations: number): void;
}

export interface ApplicationOptions {
  clock: SimulatorClock;
  state: DirectoryState;
  baseUrl: () => string;
}

const READ = [
  'Application.Read.All',
  'Application.ReadWrite.All',
  'Application.ReadWrite.OwnedBy',
  'Directory.Read.All',
];
const GRANT = ['AppRoleAssignment.ReadWrite.All'];
const WRITABLE = new Set([
  'displayName',
  'signInAudience',
  'tags',
  'notes',
  'web',
  'optionalClaims',
  'groupMembershipClaims',
  'appRoles',
]);
const DEFAULT_ACCESS = '00000000-0000-0000-0000-000000000000';
const YEARS_2_MS = 2 * 365 * 24 * 3_600_000;

/** /applications and /servicePrincipals with what a registration for a web login takes. */
export function applicationRoutes({ clock, state, baseUrl }: ApplicationOptions): {
  routes: Route[];
  control: ApplicationsControl;
} {
  const applications = new Map<string, ApplicationRecord>();
  const principals = new Map<string, PrincipalRecord>();
  let lagging = 0;

  const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
  const byAppId = (appId: string) => [...applications.values()].find((app) => app.appId === appId.toLowerCase());
  const existing = <T>(map: ReadonlyMap<string, T>, id: string): T => {
    const found = map.get(id.toLowerCase());
    if (!found) throw notFound(id);
    return found;
  };

  /** With OwnedBy alone only what the caller made. */
  function demandWrite(caller: Caller, app: ApplicationRecord | undefined): void {
    if (caller.roles.has('Application.ReadWrite.All')) return;
    demand(caller, ['Application.ReadWrite.OwnedBy']);
    if (app && app.owner !== caller.appId) demand(caller, ['Application.ReadWrite.All']);
  }

  function make(properties: Record<string, unknown>, owner?: string, appId: string = randomUUID()): ApplicationRecord {
    const record = { id: randomUUID(), appId: appId.toLowerCase(), owner, properties, passwords: [] };
    applications.set(record.id, record);
    return record;
  }

  function shown({ id, appId, properties, passwords }: ApplicationRecord): Record<string, unknown> {
    const passwordCredentials = passwords.map(({ secretText, ...rest }) => ({ ...rest, secretText: null }));
    return {
      id,
      appId,
      signInAudience: 'AzureADMyOrg',
      tags: [],
      appRoles: [],
      groupMembershipClaims: null,
      optionalClaims: null,
      web: { redirectUris: [] },
      ...properties,
      passwordCredentials,
    };
  }

  function selected(record: Record<string, unknown>, { query }: Incoming): Record<string, unknown> {
    const select = query.get('$select')?.split(',');
    if (!select) return record;
    const unknown = select.find((name) => !(name in record));
    if (unknown) {
      throw new GraphFailure(400, 'Request_BadRequest', `Could not find a property named '${unknown}'.`);
    }
    return Object.fromEntries(select.map((name) => [name, record[name]]));
  }

  function list(context: string, value: Record<string, unknown>[]): Answer {
    return { status: 200, body: { '@odata.context': `${baseUrl()}/$metadata#${context}`, value } };
  }

  function entity(incoming: Incoming, record: Record<string, unknown>, status = 200): Answer {
    return { status, body: selected(record, incoming) };
  }

  const shownPrincipal = ({ id, appId, properties }: PrincipalRecord) => ({
    id,
    appId,
    appRoleAssignmentRequired: false,
    tags: [],
    ...properties,
  });

  function addPassword(app: ApplicationRecord, secretText: string, fields: Partial<Password>) {
    const now = clock.now();
    const password = {
      keyId: randomUUID(),
      displayName: fields.displayName ?? null,
      hint: secretText.slice(0, 3),
      startDateTime: iso(now),
      endDateTime: fields.endDateTime ?? iso(now + YEARS_2_MS),
      secretText,
    };
    app.passwords.push(password);
    return password;
  }

  const routes: Route[] = [
    {
      method: 'GET',
      template: '/applications',
      handle(incoming) {
        demand(incoming.caller, READ);
        const matches = filterOf(incoming.query.get('$filter'));
        const found = [...applications.values()].map(shown).filter(matches);
        return list(
          'applications',
          found.map((one) => selected(one, incoming)),
        );
      },
    },
    {
      method: 'POST',
      template: '/applications',
      handle(incoming) {
        demandWrite(incoming.caller, undefined);
        const properties = checkApplication(incoming.body);
        if (typeof properties.displayName !== 'string') throw bad("Property 'displayName' is required.");
        return entity(incoming, shown(make(properties, incoming.caller.appId)), 201);
      },
    },
    {
      method: 'GET',
      template: "/applications(appId='{id}')",
      handle(incoming, appId) {
        demand(incoming.caller, READ);
        const app = byAppId(appId);
        if (!app) throw notFound(appId);
        return entity(incoming, shown(app));
      },
    },
    {
      method: 'PATCH',
      template: '/applications/{id}',
      handle(incoming, id) {
        const app = existing(applications, id);
        demandWrite(incoming.caller, app);
        const patch = checkApplication(incoming.body);
        keepsEnabledRoles(app, patch);
        app.properties = { ...app.properties, ...patch };
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      template: '/applications/{id}/addPassword',
      handle(incoming, id) {
        const app = existing(applications, id);
        demandWrite(incoming.caller, app);
        const { passwordCredential = {} } = objectOf(incoming.body);
        const secret = `${randomBytes(3).toString('hex').slice(0, 3)}8Q~${randomBytes(30).toString('base64url').slice(0, 34)}`;
        return { status: 200, body: addPassword(app, secret, objectOf(passwordCredential)) };
      },
    },
    {
      method: 'POST',
      template: '/applications/{id}/removePassword',
      handle(incoming, id) {
        const app = existing(applications, id);
        demandWrite(incoming.caller, app);
        const { keyId } = objectOf(incoming.body);
        const at = app.passwords.findIndex((password) => password.keyId === keyId);
        if (at < 0) throw bad('No password credential found with keyId.');
        app.passwords.splice(at, 1);
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      template: '/servicePrincipals',
      handle(incoming) {
        const { appId, ...properties } = objectOf(incoming.body);
        const app = byAppId(String(appId));
        demandWrite(incoming.caller, app);
        if (lagging > 0 || !app) {
          lagging = Math.max(0, lagging - 1);
          throw new GraphFailure(
            400,
            'Request_BadRequest',
            `The appId '${String(appId)}' of the service principal does not reference a valid application object.`,
          );
        }
        if ([...principals.values()].some((one) => one.appId === app.appId)) {
          throw new GraphFailure(
            409,
            'Request_MultipleObjectsWithSameKeyValue',
            'The service principal is there already.',
          );
        }
        const record: PrincipalRecord = { id: randomUUID(), appId: app.appId, properties, assignments: [] };
        principals.set(record.id, record);
        return entity(incoming, shownPrincipal(record), 201);
      },
    },
    {
      method: 'GET',
      template: "/servicePrincipals(appId='{id}')",
      handle(incoming, appId) {
        demand(incoming.caller, READ);
        const found = [...principals.values()].find((one) => one.appId === appId.toLowerCase());
        if (!found) throw notFound(appId);
        return entity(incoming, shownPrincipal(found));
      },
    },
    {
      method: 'PATCH',
      template: '/servicePrincipals/{id}',
      handle(incoming, id) {
        const record = existing(principals, id);
        demandWrite(incoming.caller, byAppId(record.appId));
        record.properties = { ...record.properties, ...objectOf(incoming.body) };
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      template: '/servicePrincipals/{id}/appRoleAssignedTo',
      handle(incoming, id) {
        demand(incoming.caller, [...READ, ...GRANT]);
        const { assignments } = existing(principals, id);
        const value = assignments.map((one) => ({ ...one, principalType: 'Group', resourceId: id }));
        return list('appRoleAssignments', value);
      },
    },
    {
      method: 'POST',
      template: '/servicePrincipals/{id}/appRoleAssignedTo',
      handle(incoming, id) {
        demand(incoming.caller, GRANT);
        const record = existing(principals, id);
        const { principalId, resourceId, appRoleId } = objectOf(incoming.body);
        if (resourceId !== id) throw bad("Property 'resourceId' must be the service principal.");
        const group = state.objects.get(String(principalId).toLowerCase());
        if (group?.kind !== 'group' && group?.kind !== 'user') throw notFound(String(principalId));
        const roles = (byAppId(record.appId)?.properties.appRoles ?? []) as { id: string }[];
        if (appRoleId !== DEFAULT_ACCESS && !roles.some((role) => role.id === appRoleId)) {
          throw bad('Permission being assigned was not found on application.');
        }
        // Default access is for applications without roles alone.
        if (appRoleId === DEFAULT_ACCESS && roles.length > 0) {
          throw bad('Permission being assigned was not found on application.');
        }
        if (record.assignments.some((one) => one.principalId === principalId && one.appRoleId === appRoleId)) {
          throw bad('Permission being assigned already exists on the object');
        }
        const assignment = { id: randomUUID(), principalId: String(principalId), appRoleId: String(appRoleId) };
        record.assignments.push(assignment);
        return { status: 201, body: { ...assignment, principalType: 'Group', resourceId: id } };
      },
    },
  ];

  return {
    routes,
    control: {
      all: () => [...applications.values()],
      principals: () => [...principals.values()],
      add: (properties, appId) => make(properties, undefined, appId),
      addPassword: (id, secretText, endDateTime) => {
        addPassword(existing(applications, id), secretText, { endDateTime });
      },
      clear() {
        applications.clear();
        principals.clear();
      },
      lag(creations) {
        lagging = creations;
      },
    },
  };
}

/** Graph refuses to drop a role that was not switched off before. */
function keepsEnabledRoles(app: ApplicationRecord, patch: Record<string, unknown>): void {
  if (patch.appRoles === undefined) return;
  const kept = new Set((patch.appRoles as { id: string }[]).map(({ id }) => id));
  const before = (app.properties.appRoles ?? []) as { id: string; isEnabled: boolean }[];
  if (before.some(({ id, isEnabled }) => isEnabled && !kept.has(id))) {
    throw new GraphFailure(
      400,
      'CannotDeleteOrUpdateEnabledEntitlement',
      'Property value cannot be deleted unless it is disabled first.',
    );
  }
}

function checkApplication(body: unknown): Record<string, unknown> {
  const properties = objectOf(body);
  const unknown = Object.keys(properties).find((name) => !WRITABLE.has(name));
  if (unknown) throw bad(`Property '${unknown}' is not writable here.`);
  const { redirectUris = [] } = objectOf(properties.web ?? {});
  for (const uri of redirectUris as string[]) {
    if (!URL.canParse(uri) || !uri.startsWith('https://')) {
      throw new GraphFailure(400, 'InvalidRedirectUri', `'${uri}' is no valid redirect URI.`);
    }
  }
  const roles = (properties.appRoles ?? []) as { id?: string; value?: string }[];
  if (roles.some(({ id, value }) => !id || !value || /\s/.test(value))) throw bad("Property 'appRoles' is invalid.");
  return properties;
}

/** `displayName eq 'x'` and `tags/any(t:t eq 'x')`, which are what is asked for. */
function filterOf(text: string | null): (one: Record<string, unknown>) => boolean {
  if (text === null) return () => true;
  const unquoted = (literal: string) => literal.slice(1, -1).replaceAll("''", "'");
  const name = /^displayName eq ('.*')$/.exec(text)?.[1];
  if (name) return (one) => String(one.displayName).toLowerCase() === unquoted(name).toLowerCase();
  const tag = /^tags\/any\(t:t eq ('.*')\)$/.exec(text)?.[1];
  if (tag) return (one) => (one.tags as string[]).includes(unquoted(tag));
  throw new GraphFailure(400, 'BadRequest', `Invalid filter clause: '${text}'.`);
}

function objectOf(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('A JSON object is expected.');
  return body as Record<string, unknown>;
}

function bad(text: string): GraphFailure {
  return new GraphFailure(400, 'Request_BadRequest', text);
}
