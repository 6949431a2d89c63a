import { randomUUID } from 'node:crypto';
import type { App } from './apps.js';
import type { SimulatorClock } from './clock.js';
import type { DirectoryState } from './directory-state.js';
import { GraphFailure, notFound } from './errors.js';
import { allowOptions, readTop } from './odata.js';
import { afterOf, nextLink } from './paging.js';
import { demand } from './roles.js';
import type { Route } from './types.js';

/** What is assigned to an enterprise application, as an administrator does it. */
export interface AppAssignments {
  /** A user or group, by its object id, to an application (the main one where none is named); gives the assignment's id. */
  assign(principal: string, to?: { clientId?: string; appRoleId?: string }): string;
  /** Ends every assignment of this principal. */
  unassign(principal: string, to?: { clientId?: string }): void;
  /** The application loses its service principal, or gets it back. */
  removeServicePrincipal(removed: boolean): void;
}

interface Assignment {
  id: string;
  clientId: string;
  appRoleId: string;
  createdDateTime: string;
  principalId: string;
  principalType: 'User' | 'Group' | 'ServicePrincipal';
  /** Of the day of the assignment: a renamed group keeps its old name here. */
  principalDisplayName: string;
}

const READ = ['Application.Read.All', 'Application.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'];
const PROPERTIES = [
  'id',
  'deletedDateTime',
  'appRoleId',
  'createdDateTime',
  'principalDisplayName',
  'principalId',
  'principalType',
  'resourceDisplayName',
  'resourceId',
];
const TYPES = { user: 'User', group: 'Group', servicePrincipal: 'ServicePrincipal', device: 'User' } as const;
const DEFAULT_ACCESS = '00000000-0000-0000-0000-000000000000';

/** `GET /servicePrincipals(appId='…')/appRoleAssignedTo`. */
export function appAssignmentRoutes(options: {
  apps: ReadonlyMap<string, App>;
  main: App;
  state: DirectoryState;
  clock: SimulatorClock;
  baseUrl: () => string;
}): { routes: Route[]; control: AppAssignments } {
  const { apps, main, state, clock, baseUrl } = options;
  let assignments: Assignment[] = [];
  let removed = false;

  function appOf(clientId: string): App {
    const app = apps.get(clientId.toLowerCase());
    if (!app || (removed && app === main)) throw notFound(clientId);
    return app;
  }

  const shown = ({ clientId, ...assignment }: Assignment, app: App): Record<string, unknown> => ({
    ...assignment,
    deletedDateTime: null,
    resourceDisplayName: `application ${clientId}`,
    resourceId: app.objectId,
  });

  const routes: Route[] = [
    {
      method: 'GET',
      template: "/servicePrincipals(appId='{id}')/appRoleAssignedTo",
      handle(incoming, key) {
        demand(incoming.caller, READ);
        const { query } = incoming;
        allowOptions(query, ['$select', '$top', '$skiptoken']);
        const app = appOf(key);
        const select = selectOf(query.get('$select'));
        const token = query.get('$skiptoken');
        const after = token === null ? '' : afterOf(token);
        const rest = assignments
          // What was deleted has lost its assignments.
          .filter(({ clientId, principalId }) => clientId === app.clientId && state.objects.has(principalId))
          .filter(({ id }) => id > after)
          .toSorted((left, right) => (left.id < right.id ? -1 : 1));
        const page = rest.slice(0, readTop(query));
        const last = page.at(-1);
        return {
          status: 200,
          body: {
            '@odata.context': `${baseUrl()}/$metadata#appRoleAssignments`,
            ...(last && page.length < rest.length && { '@odata.nextLink': nextLink(baseUrl(), incoming, last.id) }),
            value: page.map((assignment) => {
              const whole = shown(assignment, app);
              return Object.fromEntries(select.map((name) => [name, whole[name] ?? null]));
            }),
          },
        };
      },
    },
  ];

  return {
    routes,
    control: {
      assign(principal, { clientId = main.clientId, appRoleId = DEFAULT_ACCESS } = {}) {
        const object = state.objects.get(principal.toLowerCase());
        if (!object) throw new Error(`there is no object ${principal} to assign`);
        const assignment = {
          id: Buffer.from(randomUUID()).toString('base64url'),
          clientId,
          appRoleId,
          createdDateTime: new Date(clock.now()).toISOString(),
          principalId: object.id,
          principalType: TYPES[object.kind],
          principalDisplayName: String(object.properties.displayName),
        };
        assignments.push(assignment);
        return assignment.id;
      },
      unassign(principal, { clientId = main.clientId } = {}) {
        assignments = assignments.filter((one) => one.clientId !== clientId || one.principalId !== principal);
      },
      removeServicePrincipal(gone) {
        removed = gone;
      },
    },
  };
}

function selectOf(text: string | null): readonly string[] {
  if (text === null) return PROPERTIES;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !PROPERTIES.includes(name));
  if (unknown !== undefined) {
    const why = `Could not find a property named '${unknown}' on type 'microsoft.graph.appRoleAssignment'.`;
    throw new GraphFailure(400, 'BadRequest', `Parsing OData Select and Expand failed: ${why}`);
  }
  return names;
}
