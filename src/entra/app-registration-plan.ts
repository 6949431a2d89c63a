import { appRoleId, problemsOfRegistration, type WantedRegistration, wantedAssignments } from './app-registration.js';
import { type ObservedRegistration, registrationMark } from './app-registration-observe.js';
import type { Application } from './app-registration-schema.js';
import { type ApplicationBody, membershipClaims, type RegistrationStep } from './app-registration-steps.js';

export interface RegistrationPlanOptions {
  wanted: WantedRegistration;
  observed: ObservedRegistration;
  /** Take an application that we did not make under management. */
  adopt: boolean;
  /** Remove redirect URIs that nobody declared, and the groups of a token where no claim of them is declared. */
  prune?: boolean | undefined;
  /** Add a client secret that ends so many ms from now; undefined: none. */
  newSecretForMs: number | undefined;
  /** Remove the secrets of ours but for the one that begins so; undefined: remove none. */
  keepSecretHint?: string | undefined;
  /** How the secrets begin that lie here; undefined: that cannot be seen. */
  heldHints?: readonly string[] | undefined;
  /** Why the secret to keep is none that people log in with; undefined: it is. */
  keptIsIdle?: string | undefined;
  /** Client id of the application that asks Graph, which people shall not log in with. */
  ownClientId: string | undefined;
  /** Epoch ms. */
  now: number;
}

export interface RegistrationPlan {
  steps: RegistrationStep[];
  /** Why nothing is written, each with what to do about it. */
  conflicts: { why: string; remedy: string }[];
  remarks: string[];
}

/** Compares the application with what it shall be. Pure: it asks nobody and writes nothing. */
export function planRegistration(options: RegistrationPlanOptions): RegistrationPlan {
  const conflicts = conflictsOf(options);
  const remarks = remarksOn(options);
  return { conflicts, remarks, steps: conflicts.length > 0 ? [] : stepsOf(options) };
}

/** How our secrets are named in Entra, so that others are never touched. */
export function secretName(realm: string): string {
  return `entramox realm ${realm}`;
}

function conflictsOf(options: RegistrationPlanOptions): RegistrationPlan['conflicts'] {
  const { wanted, observed, adopt, ownClientId } = options;
  const { app, marked, namesakes } = observed;
  const { clientId, displayName } = wanted;
  const conflicts = problemsOfRegistration(wanted).map((why) => ({ why, remedy: 'correct it' }));
  if (clientId !== undefined && clientId.toLowerCase() === ownClientId?.toLowerCase()) {
    const why = 'people would log in with the application that asks Graph, whose secret Proxmox shows to its auditors';
    return [...conflicts, { why, remedy: 'leave REALM_CLIENT_ID out until this command has registered another' }];
  }
  if (clientId !== undefined && !app) {
    const why = `there is no application with the client id ${clientId} in this tenant`;
    conflicts.push({ why, remedy: 'correct REALM_CLIENT_ID, or leave it out to have an application registered' });
  }
  if (clientId === undefined && marked.length > 1) {
    const ids = marked.map(({ appId }) => appId).join(', ');
    const why = `${marked.length} applications carry our mark for this realm: ${ids}`;
    conflicts.push({ why, remedy: 'say which in REALM_CLIENT_ID, and delete the others' });
  }
  if (app && !isMarked(app, wanted) && !adopt) {
    const why = `the application ${app.displayName} (${app.appId}) was not made by Entramox, and nothing of it is changed`;
    conflicts.push({ why, remedy: '--adopt takes it under management' });
  }
  if (options.keptIsIdle !== undefined) {
    const remedy = 'first "entramox realm apply" and "entramox realm check"; --proxmox-has-it goes on without a look';
    conflicts.push({ why: `no client secret is removed: ${options.keptIsIdle}`, remedy });
  }
  if (locksEverybodyOut(options)) {
    const why =
      'everybody in the tenant can log in now, and would be locked out: assignment shall be required, and nobody is assigned';
    conflicts.push({ why, remedy: 'say who may log in: --group, --role or ENTRA_GROUP_IDS' });
  }
  const [namesake] = namesakes;
  if (!app && namesake) {
    const why = `there is an application ${JSON.stringify(displayName)} already (${namesake.appId}), which is somebody else's`;
    conflicts.push({ why, remedy: 'choose another --display-name, or name it in REALM_CLIENT_ID and --adopt it' });
  }
  return conflicts;
}

/** Without an assignment nobody passes the requirement of one. */
function locksEverybodyOut({ wanted, observed: { app, principal, assignments } }: RegistrationPlanOptions): boolean {
  const isOpen = principal !== undefined && principal.appRoleAssignmentRequired !== true;
  return isOpen && assignments.length + assignmentsOf(wanted, app).length === 0;
}

function isMarked({ tags }: Application, { realm }: WantedRegistration): boolean {
  return tags.includes(registrationMark(realm));
}

function stepsOf(options: RegistrationPlanOptions): RegistrationStep[] {
  const { wanted, observed, newSecretForMs, keepSecretHint, now } = options;
  const { app, principal, assignments } = observed;
  const steps: RegistrationStep[] = [];
  if (!app) steps.push({ do: 'app.create', body: bodyOf(wanted, undefined, false) });
  else steps.push(...changeOf(wanted, app, options.prune === true));
  if (!principal) steps.push({ do: 'principal.create' });
  for (const assignment of assignmentsOf(wanted, app)) {
    const { principalId, appRoleId: role } = assignment;
    const isThere = assignments.some((one) => one.principalId === principalId && one.appRoleId === role);
    if (!isThere) steps.push({ do: 'assignment.add', ...assignment });
  }
  // Last of them: before, whoever is not assigned yet could not log in.
  if (principal && principal.appRoleAssignmentRequired !== true) {
    steps.push({ do: 'principal.change', changes: ['assignment is required'] });
  }
  if (newSecretForMs !== undefined) {
    const endsAt = `${new Date(now + newSecretForMs).toISOString().slice(0, 19)}Z`;
    steps.push({ do: 'secret.add', name: secretName(wanted.realm), endsAt });
  }
  if (keepSecretHint !== undefined && app) steps.push(...removalsOf(app, wanted.realm, keepSecretHint));
  return steps;
}

/** Nothing is removed unless the one to keep is there: a wrong file must not lock everybody out. */
function removalsOf(app: Application, realm: string, keep: string): RegistrationStep[] {
  const ours = app.passwordCredentials.filter(({ displayName }) => displayName === secretName(realm));
  if (!ours.some(({ hint }) => hint === keep)) return [];
  return ours
    .filter(({ hint }) => hint !== keep)
    .map(({ keyId, hint, endDateTime }) => ({ do: 'secret.remove', keyId, hint: hint ?? '', endsAt: endDateTime }));
}

function bodyOf(wanted: WantedRegistration, app: Application | undefined, prune: boolean): ApplicationBody {
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
function assignmentsOf(wanted: WantedRegistration, app: Application | undefined) {
  return wantedAssignments(wanted).map((one) => {
    const role = wanted.groupsClaim === 'roles' ? app?.appRoles.find(({ value }) => value === one.what) : undefined;
    return { ...one, appRoleId: role?.id ?? one.appRoleId };
  });
}

/** Perhaps of a node that was forgotten in REALM_ORIGINS: without it nobody logs in there. */
function undeclaredUris({ redirectUris }: WantedRegistration, app: Application): string[] {
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

function changeOf(wanted: WantedRegistration, app: Application, prune: boolean): RegistrationStep[] {
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

/** Entra takes an address without a path for the same with a slash behind it (Microsoft, redirect URI restrictions). */
function bare(uri: string): string {
  return /^https:\/\/[^/]+\/$/.test(uri) ? uri.slice(0, -1) : uri;
}

function remarksOn(options: RegistrationPlanOptions): string[] {
  const { wanted, observed, keepSecretHint, prune } = options;
  const { app, assignments } = observed;
  const remarks: string[] = [];
  const wantedOnes = assignmentsOf(wanted, app);
  if (wantedOnes.length + assignments.length === 0) {
    remarks.push(
      'nobody can log in until somebody is assigned: no group is declared (--group, --role, ENTRA_GROUP_IDS)',
    );
  }
  if (!app) return remarks;
  if (wanted.clientId === undefined) {
    remarks.push(
      `the application ${app.appId} is taken for ours by its tag, which whoever may register applications can set: name it in REALM_CLIENT_ID`,
    );
  }
  const uris = prune ? [] : undeclaredUris(wanted, app);
  if (uris.length > 0) {
    remarks.push(
      `redirect URIs that nobody declared stay: ${uris.join(', ')}; add them to REALM_ORIGINS, or --prune removes them`,
    );
  }
  const claims = app.groupMembershipClaims ?? null;
  if (!prune && wanted.groupsClaim === 'none' && claims !== null && claims !== 'None') {
    remarks.push(`groups in the token stay, though REALM_GROUPS_CLAIM is not set: ${claims}; --prune removes them`);
  }
  const others = assignments.filter(
    (one) =>
      !wantedOnes.some(({ principalId, appRoleId: role }) => one.principalId === principalId && one.appRoleId === role),
  );
  if (others.length > 0) {
    const names = others.map(({ principalId, principalDisplayName }) => principalDisplayName ?? principalId).join(', ');
    remarks.push(`assigned besides, and left as they are: ${names}`);
  }
  const idle = app.appRoles.filter(
    ({ value, isEnabled }) => isEnabled && value && !wanted.roles.some((role) => role.value === value),
  );
  if (idle.length > 0) {
    remarks.push(`roles that are no longer declared stay: ${idle.map(({ value }) => value).join(', ')}`);
  }
  const ours = app.passwordCredentials.filter(({ displayName }) => displayName === secretName(wanted.realm));
  remarks.push(...remarksOnLost(ours, options));
  if (keepSecretHint !== undefined && !ours.some(({ hint }) => hint === keepSecretHint)) {
    remarks.push('no client secret is removed: the stored one is none that Entramox made for this application');
  } else if (keepSecretHint === undefined && ours.length > 1) {
    remarks.push(`${ours.length} client secrets of ours are valid; once Proxmox has the new one: --remove-old-secrets`);
  }
  return remarks;
}

/** Between the answer of Graph and its being stored a run can die, and then nobody has a secret that is valid. */
function remarksOnLost(
  ours: Application['passwordCredentials'],
  { heldHints, keepSecretHint, now }: RegistrationPlanOptions,
): string[] {
  if (heldHints === undefined || keepSecretHint !== undefined) return [];
  return ours
    .filter(({ hint, endDateTime }) => hint && !heldHints.includes(hint) && Date.parse(endDateTime) > now)
    .map(
      ({ hint, endDateTime }) =>
        `the client secret ${hint}… is valid until ${endDateTime.slice(0, 10)} and lies in no file here: another host has it, or a run died before it was stored; once Proxmox has a stored one, --remove-old-secrets ends it`,
    );
}
