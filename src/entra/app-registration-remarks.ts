import { assignmentsOf, undeclaredUris } from './app-registration-body.js';
import type { RegistrationPlanOptions } from './app-registration-plan-options.js';
import type { Application } from './app-registration-schema.js';
import { secretName } from './app-registration-steps.js';

/** What stays as it is, and what whoever reads the plan should know besides. */
export function remarksOn(options: RegistrationPlanOptions): string[] {
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
