import type { Provider } from './provider.js';

/** Any other OpenID provider: the issuer is what its document says, a slash at its end included. */
export const genericProvider: Provider = {
  issuerOf({ issuerUrl }) {
    if (issuerUrl !== undefined) return { ok: true, issuerUrl };
    return { ok: false, problems: ['REALM_ISSUER_URL: missing: the issuer, as the document of the provider names it'] };
  },
  // What PVE takes by itself.
  defaults: { usernameClaim: 'subject', scopes: ['email', 'profile'], queryUserinfo: undefined },
  needsKey: false,
  problemsOf: () => [],
};
