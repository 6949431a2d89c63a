import { z } from 'zod';
import { messageOf } from '../../../../domain/errors.js';
import { type HttpAnswer, type HttpExchange, oneLine, parseJson, quoted } from './exchange.js';
import { fine, type RealmFinding, remark, unreachable, wrong } from './finding.js';

const texts = z.array(z.string());

/** What of a discovery document is looked at (OpenID Connect Discovery 1.0, 3); nothing of it is trusted to be there. */
export const discoveryDocument = z.object({
  issuer: z.string().optional(),
  authorization_endpoint: z.string().optional(),
  token_endpoint: z.string().optional(),
  userinfo_endpoint: z.string().optional(),
  jwks_uri: z.string().optional(),
  response_types_supported: texts.optional(),
  grant_types_supported: texts.optional(),
  code_challenge_methods_supported: texts.optional(),
  token_endpoint_auth_methods_supported: texts.optional(),
  id_token_signing_alg_values_supported: texts.optional(),
  scopes_supported: texts.optional(),
  claims_supported: texts.optional(),
});

export type DiscoveryDocument = z.infer<typeof discoveryDocument>;

/** Where an issuer publishes its document, joined as Proxmox's library joins it. */
export function discoveryUrl(issuerUrl: string): string {
  return `${issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

/** The document of the issuer, and whether it could be had. */
export async function readDocument(
  issuerUrl: string,
  exchange: HttpExchange,
  signal: AbortSignal,
): Promise<{ finding: RealmFinding; document?: DiscoveryDocument }> {
  const name = 'idp.discovery';
  const url = discoveryUrl(issuerUrl);
  let answer: HttpAnswer;
  try {
    answer = await exchange(url, { headers: { accept: 'application/json' } }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const mend = `look at it from a node: curl -v ${url}`;
    return { finding: unreachable(name, `${url}: ${messageOf(error)}`, mend) };
  }
  const mend = `correct REALM_ISSUER_URL; a browser must show a JSON document at ${url}`;
  const refuse = (what: string) => ({ finding: wrong(name, `${url} ${what}`, mend) });
  if (answer.status >= 300 && answer.status < 400) {
    const to = answer.headers.get('location') ?? 'nowhere';
    return refuse(`is redirected to ${quoted(to)}, where another issuer may be`);
  }
  if (answer.status >= 500) {
    return { finding: unreachable(name, `${url} is answered with status ${answer.status}`, 'try again later') };
  }
  if (answer.status !== 200) return refuse(`is answered with status ${answer.status}`);
  const parsed = discoveryDocument.safeParse(parseJson(answer.text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.length ? `${issue.path.join('.')}: ${issue.message}` : oneLine(answer.text, 80);
    return refuse(`is no discovery document: ${where}`);
  }
  return { finding: fine(name, url), document: parsed.data };
}

/** Proxmox's library compares the two byte for byte, and refuses every login where they differ. */
export function checkIssuer(issuerUrl: string, { issuer }: DiscoveryDocument): RealmFinding {
  const name = 'idp.issuer';
  if (issuer === issuerUrl) return fine(name, `${issuerUrl}, byte for byte`);
  if (issuer === undefined) {
    return wrong(name, 'the document names no issuer', 'ask who runs the provider; REALM_ISSUER_URL may be wrong');
  }
  const saw = `the document says ${quoted(issuer)}, the realm is to have ${quoted(issuerUrl)}: ${differenceOf(issuer, issuerUrl)}`;
  if (issuer.includes('{')) {
    return wrong(name, saw, 'name one tenant by its id (ENTRA_TENANT_ID), not common, organizations or consumers');
  }
  return wrong(name, saw, `set REALM_ISSUER_URL=${oneLine(issuer)}, if that is the provider that you mean`);
}

function differenceOf(left: string, right: string): string {
  if (`${left}/` === right || left === `${right}/`) return 'the slash at the end makes them two';
  if (left.toLowerCase() === right.toLowerCase()) return 'upper and lower case make them two';
  const at = [...left].findIndex((char, index) => char !== right[index]);
  return `they part at character ${(at < 0 ? left.length : at) + 1}`;
}

/** What a login needs must be there and encrypted. */
export function checkEndpoints(issuerUrl: string, document: DiscoveryDocument): RealmFinding {
  const name = 'idp.endpoints';
  const { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint } = document;
  const needed = { authorization_endpoint, token_endpoint, jwks_uri };
  const missing = Object.entries(needed).filter(([, url]) => !url);
  const open = Object.entries({ ...needed, userinfo_endpoint }).filter(([, url]) => url && !isHttps(url));
  const mend = 'correct the public address in the configuration of the provider, or the proxy in front of it';
  if (missing.length > 0) return wrong(name, `the document lacks ${missing.map(([key]) => key).join(', ')}`, mend);
  if (open.length > 0) {
    return wrong(name, open.map(([key, url]) => `${key} is not https: ${quoted(url ?? '')}`).join('; '), mend);
  }
  const { host } = new URL(issuerUrl);
  const hosts = Object.values(needed).map((url) => new URL(url ?? issuerUrl).host);
  const elsewhere = [...new Set(hosts)].filter((one) => one !== host);
  const saw = 'authorization, token and keys are there, and https';
  if (elsewhere.length === 0) return fine(name, saw);
  return remark(name, `${saw}; not all at ${host}: people or the client key are sent to ${elsewhere.join(', ')}`);
}

export function isHttps(url: string): boolean {
  return URL.canParse(url) && new URL(url).protocol === 'https:';
}
