import { parseGuid } from '../../../domain/identity.js';
import { claimOf } from './claim.js';
import type { Provider } from './provider.js';

/** Not of one tenant: the issuer in their documents is a template that no token ever bears. */
const SHARED = /^(?:common|organizations|consumers)$/i;

/** Claims of an ID token that Entra gives with a scope alone (Microsoft, ID token claims reference, v2.0). */
const SCOPE_OF: ReadonlyMap<string, string> = new Map([
  ['preferred_username', 'profile'],
  ['email', 'email'],
]);

/**
 * Microsoft Entra ID, one tenant. The issuer is named by the tenant's id: the address also works with a domain, but the
 * document behind it names the id, and Proxmox compares the two byte for byte.
 */
export const entraProvider: Provider = {
  issuerOf({ tenantId, issuerBase = 'https://login.microsoftonline.com', issuerUrl }) {
    const tenant = parseGuid(tenantId);
    if (tenant === undefined) {
      const why = tenantId === undefined ? 'missing: the directory (tenant) id' : 'expected the tenant id, a GUID';
      return { ok: false, problems: [`ENTRA_TENANT_ID: ${why}`] };
    }
    if (issuerUrl === undefined) return { ok: true, issuerUrl: `${issuerBase}/${tenant}/v2.0` };
    const named = /^https:\/\/[^/]+\/([^/]+)\/v2\.0$/.exec(issuerUrl)?.[1];
    if (named === tenant) return { ok: true, issuerUrl };
    const why = SHARED.test(named ?? '')
      ? `${named} is no tenant, and no token bears it as its issuer`
      : `expected https://<sign-in host>/${tenant}/v2.0, with the id of the tenant and not a domain`;
    return {
      ok: false,
      problems: [`REALM_ISSUER_URL: ${why}; leave it out to have it from ENTRA_TENANT_ID and ENTRA_CLOUD`],
    };
  },
  defaults: { usernameClaim: 'preferred_username', scopes: ['email', 'profile'], queryUserinfo: false },
  needsKey: true,
  problemsOf({ usernameClaim, scopes, clientId, clientKey }) {
    const scope = scopeNeededFor(usernameClaim);
    return [
      ...(parseGuid(clientId) === undefined
        ? ['REALM_CLIENT_ID: expected the application (client) id, a GUID, and not the name of the application']
        : []),
      // The portal shows both beside each other, and every login fails with the wrong one.
      ...(parseGuid(clientKey?.reveal()) === undefined
        ? []
        : ['REALM_CLIENT_SECRET: that is the id of a client secret; what is needed is its value']),
      ...(scope === undefined || scopes.includes(scope)
        ? []
        : [
            `REALM_SCOPES: lacks ${scope}, without which Entra leaves ${claimOf(usernameClaim)} out and nobody can log in`,
          ]),
    ];
  },
};

/** The scope without which Entra leaves this claim out of the token; undefined: it needs none. */
export function scopeNeededFor(usernameClaim: string): string | undefined {
  return SCOPE_OF.get(claimOf(usernameClaim));
}
