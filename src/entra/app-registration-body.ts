import { appRoleId, type WantedRegistration, wantedAssignments } from './app-registration.js';
import { registrationMark } from './app-registration-observe.js';
import type { Application } from './app-registration-schema.js';
import { type ApplicationBody, membershipClaims, type RegistrationStep } from './app-registration-steps.js';

/** The application as it shall be; what others declared in it stays. */
export function bodyOf(wanted: WantedRegistration, app: Application | undefined, prune: boolean): ApplicationBody {
  const mark = registrationMark(wanted.realm);
  const isSilent = wanted.groupsClaim === 'none' && app !== undefined && !prune;
  return {
    displayName: wanted.displayName,
    signInAudience: 'AzureADMyOrg',
    tags: [...new Set([...(app?.tags ?? []), mark])],
    web: { redirectUris: [...wanted.redirectUris, ...(app && !prune ? undeclaredUris(wanted, app) : [])] },
    optionalClaims: claimsOf(wanted, app),
    groupMembershipClaims: isSilent ? (app.groupMembershipClaims ?? null) : membershipClaims(wanted.groupsClaim),
    appRoles: rolesOf(wanted, app),
  };
}

/** With the ids of roles that somebody made by hand: of one value there is one role. */
export function assignmentsOf(wanted: WantedRegistration, app: Application | undefined) {
  return wantedAssignments(wanted).map((one) => {
    const role = wanted.groupsClaim === 'roles' ? app?.appRoles.find(({ value }) => value === one.what) : undefined;
    return { ...one, appRoleId: role?.id ?? one.appRoleId };
  });
}

/** Perhaps of a node that was forgotten in REALM_ORIGINS: without it nobody logs in there. */
export function undeclaredUris({ redirectUris }: WantedRegistration, app: Application): string[] {
  const declared = redirectUris.map(bare);
  return app.web.redirectUris.filter((uri) => !declared.includes(bare(uri)));
}

/** What others asked for stays. */
function claimsOf({ optionalClaims: names }: WantedRegistration, app: Application | undefined) {
  const idToken = app?.optionalClaims?.idToken ?? [];
  const missing = names.filter((name) => !idToken.some((claim) => claim.name === name));
  // Without it Entra tells the upn of guests as it is in their own tenant (Microsoft, optional claims reference).
  const added = missing.map((name) => ({
    name,
    additionalProperties: name === 'upn' ? ['include_externally_authenticated_upn'] : [],
  }));
  return { ...app?.optionalClaims, idToken: [...idToken, ...added] };
}

/** Roles that are no longer declared stay: Graph drops only what was switched off, and who has them should be asked. */
function rolesOf({ realm, roles }: WantedRegistration, app: Application | undefined) {
  const there = app?.appRoles ?? [];
  const added = roles
    .filter(({ value }) => !there.some((role) => role.value === value))
    .map(({ value }) => ({
      id: appRoleId(realm, value),
      value,
      displayName: value,
      description: `Proxmox VE: the group ${value}-${realm}`,
      allowedMemberTypes: ['User'],
      isEnabled: true,
    }));
  return [...there, ...added];
}

/** What of it differs from what it shall be, as one step; none where nothing does. */
export function changeOf(wanted: WantedRegistration, app: Application, prune: boolean): RegistrationStep[] {
  const shall = bodyOf(wanted, app, prune);
  const body: Partial<ApplicationBody> = {};
  const changes: string[] = [];
  const take = (keys: readonly (keyof ApplicationBody)[], what: string) => {
    for (const key of keys) Object.assign(body, { [key]: shall[key] });
    changes.push(what);
  };
  if (!isMarked(app, wanted)) take(['tags'], 'our mark');
  if (app.signInAudience !== shall.signInAudience) take(['signInAudience'], 'this tenant alone');
  const is = app.web.redirectUris.map(bare);
  const missing = wanted.redirectUris.filter((uri) => !is.includes(bare(uri)));
  const extra = prune ? undeclaredUris(wanted, app) : [];
  if (missing.length + extra.length > 0) {
    take(['web'], ['redirect URIs', ...missing.map((uri) => `+${uri}`), ...extra.map((uri) => `-${uri}`)].join(' '));
  }
  const claims = wanted.optionalClaims.filter((name) => !app.optionalClaims?.idToken?.some((one) => one.name === name));
  if (claims.length > 0) take(['optionalClaims'], `optional claims +${claims.join(' +')}`);
  if ((app.groupMembershipClaims ?? null) !== shall.groupMembershipClaims) {
    take(['groupMembershipClaims'], `groups in the token: ${shall.groupMembershipClaims ?? 'none'}`);
  }
  const roles = wanted.roles.filter(({ value }) => !app.appRoles.some((role) => role.value === value));
  if (roles.length > 0) take(['appRoles'], `roles +${roles.map(({ value }) => value).join(' +')}`);
  return changes.length > 0 ? [{ do: 'app.change', body, changes }] : [];
}

/** Whether it carries our tag for this realm. */
export function isMarked({ tags }: Application, { realm }: WantedRegistration): boolean {
  return tags.includes(registrationMark(realm));
}

/** Entra takes an address without a path for the same with a slash behind it (Microsoft, redirect URI restrictions). */
function bare(uri: string): string {
  return /^https:\/\/[^/]+\/$/.test(uri) ? uri.slice(0, -1) : uri;
}
