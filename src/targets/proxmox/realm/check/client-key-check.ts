import { randomBytes } from 'node:crypto';
import * as openid from 'openid-client';
import { z } from 'zod';
import { messageOf } from '../../../../domain/errors.js';
import { excerpt } from '../../text.js';
import type { DiscoveryDocument } from './document.js';
import { type HttpAnswer, type HttpExchange, parseJson } from './exchange.js';
import { fine, type RealmFinding, remark, unreachable, wrong } from './finding.js';

export interface ClientKeyCheck {
  clientId: string;
  clientKey: string;
  /** One that is registered, where one is known. */
  redirectUri: string;
  document: DiscoveryDocument;
}

const refusal = z.object({ error: z.string(), error_description: z.string().optional() });

/** What some of Entra's codes say of the key (Microsoft, AADSTS error codes); others are shown as they are. */
const ENTRA_CODES: Readonly<Record<string, { isKeyGood: boolean; says: string }>> = {
  AADSTS7000215: { isKeyGood: false, says: 'the client secret is wrong; perhaps its id was taken for it' },
  AADSTS7000222: { isKeyGood: false, says: 'the client secret has expired' },
  AADSTS7000218: { isKeyGood: false, says: 'a client secret is expected' },
  AADSTS700016: { isKeyGood: false, says: 'there is no such application in this tenant' },
  AADSTS90002: { isKeyGood: false, says: 'there is no such tenant' },
  AADSTS9002313: { isKeyGood: true, says: 'only the made-up code is refused' },
  AADSTS70000: { isKeyGood: true, says: 'only the made-up code is refused' },
  AADSTS70008: { isKeyGood: true, says: 'only the made-up code is refused' },
};

/**
 * Whether the provider takes the client key, without anybody logging in: a code that nobody was given is exchanged.
 * Who is refused as a client has a wrong key; whose code is refused has a good one (RFC 6749, 5.2).
 */
export async function checkClientKey(
  { clientId, clientKey, redirectUri, document }: ClientKeyCheck,
  exchange: HttpExchange,
  signal: AbortSignal,
): Promise<RealmFinding> {
  const name = 'idp.client-key';
  const url = document.token_endpoint ?? '';
  let answer: HttpAnswer | undefined;
  const configuration = new openid.Configuration(
    { issuer: document.issuer ?? '', token_endpoint: url },
    clientId,
    undefined,
    sendsBasic(document) ? openid.ClientSecretBasic(clientKey) : openid.ClientSecretPost(clientKey),
  );
  // What the provider said is judged here, in its own words; the library makes the request.
  configuration[openid.customFetch] = async (to, { method, headers, body }) => {
    answer = await exchange(to, { method, headers, body: String(body) }, signal);
    return new Response(answer.text === '' ? null : answer.text, { status: answer.status });
  };
  const code = `entramox-check-${randomBytes(12).toString('hex')}`;
  const form = { code, redirect_uri: redirectUri, code_verifier: openid.randomPKCECodeVerifier() };
  const outcome = await openid.genericGrantRequest(configuration, 'authorization_code', form).then(
    () => undefined,
    (error: unknown) => error,
  );
  signal.throwIfAborted();
  if (!answer) return unreachable(name, `${url}: ${messageOf(causeOf(outcome))}`, 'try again later');
  return judge(answer, clientKey, clientId);
}

function judge({ status, text }: HttpAnswer, clientKey: string, clientId: string): RealmFinding {
  const name = 'idp.client-key';
  const mend = `make a new secret for ${clientId} at the provider, store it as REALM_CLIENT_SECRET_FILE says, then entramox realm apply`;
  if (status >= 500 || status === 429) {
    return unreachable(name, `the token endpoint answers with status ${status}`, 'try again later');
  }
  const parsed = refusal.safeParse(parseJson(text));
  if (!parsed.success) return remark(name, `neither taken nor refused: status ${status}, and no reason that is known`);
  const { error, error_description: words = '' } = parsed.data;
  const code = /AADSTS\d+/.exec(words)?.[0];
  const known = code === undefined ? undefined : ENTRA_CODES[code];
  const said = excerpt(`${error}${words ? `: ${words}` : ''}`, [clientKey], 200);
  const meaning = known ? ` (${code}: ${known.says})` : '';
  if (known?.isKeyGood === false || error === 'invalid_client' || error === 'unauthorized_client') {
    return wrong(name, `the provider refuses this client${meaning || `: ${said}`}`, mend);
  }
  if (known?.isKeyGood || error === 'invalid_grant') {
    return fine(name, `the provider takes it: ${known ? known.says : 'only the made-up code is refused'}`);
  }
  return remark(name, `neither taken nor refused: ${said}`);
}

function sendsBasic({ token_endpoint_auth_methods_supported: methods }: DiscoveryDocument): boolean {
  return !methods || methods.includes('client_secret_basic') || !methods.includes('client_secret_post');
}

/** The library wraps what the exchange threw. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}
