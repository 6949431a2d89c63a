import type { Provider } from './provider.js';

const PATH = '/oauth2/openid/';

/** Kanidm: every client has an issuer of its own (Kanidm book, OAuth2). */
export const kanidmProvider: Provider = {
  issuerOf({ issuerUrl, clientId }) {
    if (issuerUrl === undefined || !URL.canParse(issuerUrl)) {
      return { ok: false, problems: ['REALM_ISSUER_URL: missing: the address of Kanidm, https://idm.example.com'] };
    }
    const { pathname } = new URL(issuerUrl);
    if (pathname === '/') return { ok: true, issuerUrl: `${issuerUrl.replace(/\/+$/, '')}${PATH}${clientId ?? ''}` };
    if (issuerUrl.endsWith(`${PATH}${clientId}`)) return { ok: true, issuerUrl };
    const why = `expected https://idm.example.com${PATH}${clientId ?? '<client id>'}, or the address of Kanidm alone`;
    return { ok: false, problems: [`REALM_ISSUER_URL: ${why}`] };
  },
  defaults: { usernameClaim: 'preferred_username', scopes: ['email', 'profile'], queryUserinfo: undefined },
  needsKey: true,
  problemsOf: () => [],
};
