import {
  APPLICATION_FIELDS,
  type Application,
  type AppRoleAssignment,
  application,
  appRoleAssignment,
  type ServicePrincipal,
  servicePrincipal,
} from './app-registration-schema.js';
import type { GraphClient } from './graph-client.js';
import { GraphError, saysNotFound } from './graph-errors.js';

/** How an application of ours is known: a tag that nobody gives by chance. */
export function registrationMark(realm: string): string {
  return `entramox:realm:${realm}`;
}

/** What stands in Entra of an application that people log in to Proxmox with. */
export interface ObservedRegistration {
  /** The one that the client id names, or that carries our mark; undefined: there is none. */
  app: Application | undefined;
  /** All that carry our mark; more than one is a matter for a person. */
  marked: readonly Application[];
  /** Others of the wanted display name, which are not ours. */
  namesakes: readonly Application[];
  principal: ServicePrincipal | undefined;
  assignments: readonly AppRoleAssignment[];
}

export interface RegistrationQuery {
  realm: string;
  displayName: string;
  /** The application that is meant, where one is named already. */
  clientId: string | undefined;
}

type Reader = Pick<GraphClient, 'get' | 'getAllPages'>;

/**
 * The application of this realm. Needs Application.Read.All, or Application.ReadWrite.OwnedBy for one of our own.
 * Throws GraphError where Graph refuses, SourceUnavailable where nothing can be concluded.
 */
export async function observeRegistration(
  graph: Reader,
  { realm, displayName, clientId }: RegistrationQuery,
  signal: AbortSignal,
): Promise<ObservedRegistration> {
  const [marked, named, chosen] = await Promise.all([
    listApplications(graph, `tags/any(t:t eq ${quoted(registrationMark(realm))})`, signal),
    listApplications(graph, `displayName eq ${quoted(displayName)}`, signal),
    clientId === undefined ? undefined : readApplication(graph, clientId, signal),
  ]);
  const app = clientId === undefined ? marked[0] : chosen;
  const ours = new Set([...marked.map(({ id }) => id), app?.id]);
  const namesakes = named.filter(({ id }) => !ours.has(id));
  const principal = app && (await readPrincipal(graph, app.appId, signal));
  const assignments = principal ? await readAssignments(graph, principal.id, signal) : [];
  return { app, marked, namesakes, principal, assignments };
}

/** One application by its client id; undefined where the tenant has none. */
export async function readApplication(
  graph: Pick<GraphClient, 'get'>,
  clientId: string,
  signal: AbortSignal,
): Promise<Application | undefined> {
  const path = `/applications(appId='${encodeURIComponent(clientId)}')?$select=${APPLICATION_FIELDS}`;
  return unlessMissing(graph.get(path, application, { signal }));
}

/** The service principal of an application in this tenant; undefined where there is none. */
export async function readPrincipal(
  graph: Pick<GraphClient, 'get'>,
  clientId: string,
  signal: AbortSignal,
): Promise<ServicePrincipal | undefined> {
  const path = `/servicePrincipals(appId='${encodeURIComponent(clientId)}')?$select=id,appRoleAssignmentRequired,tags`;
  return unlessMissing(graph.get(path, servicePrincipal, { signal }));
}

async function listApplications(graph: Reader, filter: string, signal: AbortSignal): Promise<Application[]> {
  const path = `/applications?$filter=${encodeURIComponent(filter)}&$select=${APPLICATION_FIELDS}`;
  return (await graph.getAllPages(path, application, { signal })).items;
}

async function readAssignments(graph: Reader, principal: string, signal: AbortSignal): Promise<AppRoleAssignment[]> {
  const path = `/servicePrincipals/${encodeURIComponent(principal)}/appRoleAssignedTo`;
  return (await graph.getAllPages(path, appRoleAssignment, { signal })).items;
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof GraphError && saysNotFound(error.status, error.code)) return undefined;
    throw error;
  }
}

/** A text literal of OData: a quote within is doubled. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
