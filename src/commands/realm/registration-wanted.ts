import type { Settings } from '../../config/settings.js';
import { pveGroupOf } from '../../domain/entitlement.js';
import { parseGuid } from '../../domain/identity.js';
import type { GroupsClaim, WantedAppRole, WantedRegistration } from '../../entra/app-registration.js';
import type { RegistrationOptions, RoleOption } from './registration-options.js';

export type WantedOrProblems = { ok: true; wanted: WantedRegistration } | { ok: false; problems: string[] };

/** The application in Entra that the configuration and the options ask for, or every mistake in them. */
export function wantedRegistration(
  { realm, proxmox, entra, roles }: Settings,
  options: RegistrationOptions,
): WantedOrProblems {
  const name = proxmox.realm;
  const claim = claimOf(realm.groupsClaim);
  const given = [...(options.group ?? []), ...(options.role ?? []).map(({ group }) => group)];
  const problems = [
    ...(name === undefined ? ['REALM: missing: the name of the realm'] : []),
    ...(claim === undefined
      ? [`REALM_GROUPS_CLAIM: Entra tells groups as "groups" or "roles" alone, and not as ${realm.groupsClaim}`]
      : []),
    ...given
      .filter((id) => parseGuid(id) === undefined)
      .map((id) => `${JSON.stringify(id.slice(0, 80))} is not the id of a group`),
  ];
  if (name === undefined || claim === undefined || problems.length > 0) return { ok: false, problems };
  const wanted: WantedRegistration = {
    realm: name,
    displayName: options.displayName ?? `Proxmox VE (${name})`,
    clientId: realm.clientId,
    redirectUris: realm.origins ?? [],
    // upn is what Entramox names users by; neither is in a token of the v2.0 endpoint by itself.
    optionalClaims: ['upn', 'email'],
    groupsClaim: claim,
    roles: claim === 'roles' || options.role ? rolesOf(options.role, roles, name) : [],
    groupIds: options.group ?? entra.groupIds,
  };
  return { ok: true, wanted };
}

function claimOf(groupsClaim: string | undefined): GroupsClaim | undefined {
  if (groupsClaim === undefined) return 'none';
  return groupsClaim === 'groups' || groupsClaim === 'roles' ? groupsClaim : undefined;
}

/** As they were said; else the roles that Entramox grants, by the names of its groups without the realm behind them. */
function rolesOf(said: readonly RoleOption[] | undefined, { map }: Settings['roles'], realm: string): WantedAppRole[] {
  const pairs =
    said ??
    map
      .filter(({ pveRole }) => pveRole !== undefined)
      .map((mapping) => ({ value: pveGroupOf(mapping, realm).slice(0, -`-${realm}`.length), group: mapping.group }));
  const groups = new Map<string, string[]>();
  for (const { value, group } of pairs) groups.set(value, [...(groups.get(value) ?? []), group.toLowerCase()]);
  return [...groups].map(([value, groupIds]) => ({ value, groupIds }));
}
