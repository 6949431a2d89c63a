import type { GroupsClaim } from './app-registration.js';

/** One write in Entra, as plain data and without a secret. */
export type RegistrationStep =
  | { do: 'app.create'; body: ApplicationBody }
  | { do: 'app.change'; body: Partial<ApplicationBody>; changes: readonly string[] }
  | { do: 'principal.create' }
  | { do: 'principal.change'; changes: readonly string[] }
  | { do: 'assignment.add'; principalId: string; appRoleId: string; what: string }
  | { do: 'secret.add'; name: string; endsAt: string }
  | { do: 'secret.remove'; keyId: string; hint: string; endsAt: string };

/** The writable part of an application (Graph: application). */
export interface ApplicationBody {
  displayName: string;
  signInAudience: 'AzureADMyOrg';
  tags: readonly string[];
  web: { redirectUris: readonly string[] };
  optionalClaims: Readonly<Record<string, unknown>>;
  groupMembershipClaims: string | null;
  appRoles: readonly unknown[];
}

/** What is known of the objects that the steps are about; a step before made the others. */
export interface RegistrationIds {
  app?: string | undefined;
  clientId?: string | undefined;
  principal?: string | undefined;
}

/** One request to Graph. */
export interface RegistrationRequest {
  method: 'POST' | 'PATCH';
  /** Below the version: `/applications`. */
  path: string;
  body: unknown;
}

/** The request that makes a step true. What is not known yet stands as a word in capitals, for a person to fill in. */
export function requestOf(step: RegistrationStep, ids: RegistrationIds): RegistrationRequest {
  const app = `/applications/${ids.app ?? 'APP_OBJECT_ID'}`;
  const principal = ids.principal ?? 'SERVICE_PRINCIPAL_ID';
  switch (step.do) {
    case 'app.create':
      return { method: 'POST', path: '/applications', body: step.body };
    case 'app.change':
      return { method: 'PATCH', path: app, body: step.body };
    case 'principal.create': {
      // The tag lets the portal show it among the enterprise applications.
      const body = { appId: ids.clientId ?? 'CLIENT_ID', appRoleAssignmentRequired: true, tags: [PORTAL_TAG] };
      return { method: 'POST', path: '/servicePrincipals', body };
    }
    case 'principal.change':
      return { method: 'PATCH', path: `/servicePrincipals/${principal}`, body: { appRoleAssignmentRequired: true } };
    case 'assignment.add': {
      const { principalId, appRoleId } = step;
      const body = { principalId, resourceId: principal, appRoleId };
      return { method: 'POST', path: `/servicePrincipals/${principal}/appRoleAssignedTo`, body };
    }
    case 'secret.add': {
      const passwordCredential = { displayName: step.name, endDateTime: step.endsAt };
      return { method: 'POST', path: `${app}/addPassword`, body: { passwordCredential } };
    }
    case 'secret.remove':
      return { method: 'POST', path: `${app}/removePassword`, body: { keyId: step.keyId } };
    default:
      return step satisfies never;
  }
}

const PORTAL_TAG = 'WindowsAzureActiveDirectoryIntegratedApp';

/** Entra's word for a claim of groups: those assigned to the application, which the limit of 200 leaves alone. */
export function membershipClaims(claim: GroupsClaim): string | null {
  return claim === 'groups' ? 'ApplicationGroup' : null;
}

/** One step for a person. */
export function describeRegistrationStep(step: RegistrationStep): string {
  switch (step.do) {
    case 'app.create':
      return `register the application ${JSON.stringify(step.body.displayName)} with ${step.body.web.redirectUris.join(', ')}`;
    case 'app.change':
      return `change the application: ${step.changes.join('; ')}`;
    case 'principal.create':
      return 'make its service principal, with assignment required';
    case 'principal.change':
      return `change its service principal: ${step.changes.join('; ')}`;
    case 'assignment.add':
      return `assign the group ${step.principalId}: ${step.what}`;
    case 'secret.add':
      return `add a client secret until ${step.endsAt.slice(0, 10)}, and store it`;
    case 'secret.remove':
      return `remove the client secret ${step.hint}… that ends ${step.endsAt.slice(0, 10)}`;
    default:
      return step satisfies never;
  }
}

/** The same step as a command of the Azure CLI, for somebody who may what we may not; safe to paste into a shell. */
export function azCommand(step: RegistrationStep, ids: RegistrationIds, graphUrl: string): string {
  const { method, path, body } = requestOf(step, ids);
  const words = ['az', 'rest', '--method', method, '--url', `${graphUrl}${path}`];
  const rest = ['--headers', 'Content-Type=application/json', '--body', JSON.stringify(body)];
  const line = [...words, ...rest].map(shellWord).join(' ');
  if (step.do !== 'secret.add') return line;
  // Its answer is the secret, which no terminal should keep.
  return `(umask 077 && ${line} --query secretText --output tsv > realm-client-secret)`;
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** How our secrets are named in Entra, so that others are never touched. */
export function secretName(realm: string): string {
  return `entramox realm ${realm}`;
}
