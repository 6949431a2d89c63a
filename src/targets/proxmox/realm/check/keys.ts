import { importJWK } from 'jose';
import { z } from 'zod';
import { messageOf } from '../../../../domain/errors.js';
import type { DiscoveryDocument } from './document.js';
import { type HttpExchange, parseJson } from './exchange.js';
import { fine, type RealmFinding, remark, unreachable, wrong } from './finding.js';

const keySet = z.object({
  keys: z.array(
    z.looseObject({
      kty: z.string(),
      alg: z.string().optional(),
      use: z.string().optional(),
      crv: z.string().optional(),
      key_ops: z.array(z.string()).optional(),
    }),
  ),
});

/** What only the holder of a key may know (RFC 7518, 6): the private half, or a secret that both sides share. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

type Key = z.infer<typeof keySet>['keys'][number];

/** What Proxmox's library can verify by a public key (openidconnect, CoreJwsSigningAlgorithm). */
const VERIFIABLE = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384'];

/** Whether there is a key by which an ID token of this provider can be believed. */
export async function checkKeys(
  { jwks_uri: url = '', id_token_signing_alg_values_supported: told }: DiscoveryDocument,
  exchange: HttpExchange,
  signal: AbortSignal,
): Promise<RealmFinding> {
  const name = 'idp.keys';
  const mend = `look at ${url}: it must show the public keys by which ID tokens are signed`;
  try {
    const answer = await exchange(url, { headers: { accept: 'application/json' } }, signal);
    if (answer.status >= 500) return unreachable(name, `${url} is answered with status ${answer.status}`, mend);
    if (answer.status !== 200) return wrong(name, `${url} is answered with status ${answer.status}`, mend);
    const parsed = keySet.safeParse(parseJson(answer.text));
    if (!parsed.success) return wrong(name, `${url} is no set of keys`, mend);
    if (parsed.data.keys.some((key) => PRIVATE.some((part) => Object.hasOwn(key, part)))) {
      const saw = `${url} shows private keys to everybody, by which anybody can write an ID token in anybody's name`;
      return wrong(name, saw, 'let the provider make new keys at once, and publish their public halves alone');
    }
    const algorithms = (told ?? ['RS256']).filter((alg) => VERIFIABLE.includes(alg));
    const usable = await usableAlgorithms(parsed.data.keys, algorithms);
    if (usable.length === 0) {
      const seen = `${parsed.data.keys.length} keys, none of which signs with ${(told ?? ['RS256']).join(' or ')}`;
      return wrong(name, seen, 'let the provider sign ID tokens with RS256 or ES256, and publish that key');
    }
    const saw = `${parsed.data.keys.length} keys; ID tokens are signed with ${usable.join(', ')}`;
    if (usable.some((alg) => alg.startsWith('RS') || alg.startsWith('PS'))) return fine(name, saw);
    return remark(
      name,
      `${saw} alone`,
      'where Proxmox refuses a login for its signature: kanidm system oauth2 warning-enable-legacy-crypto CLIENT (RS256)',
    );
  } catch (error) {
    signal.throwIfAborted();
    return unreachable(name, `${url}: ${messageOf(error)}`, mend);
  }
}

async function usableAlgorithms(keys: readonly Key[], algorithms: readonly string[]): Promise<string[]> {
  const usable = await Promise.all(algorithms.map((alg) => someKeyFits(keys, alg)));
  return algorithms.filter((_, index) => usable[index]);
}

async function someKeyFits(keys: readonly Key[], alg: string): Promise<boolean> {
  const candidates = keys.filter((key) => isForSigning(key) && fits(key, alg));
  const imported = await Promise.allSettled(candidates.map((key) => importJWK(key, alg)));
  return imported.some(({ status }) => status === 'fulfilled');
}

function isForSigning({ use, key_ops }: Key): boolean {
  return (use ?? 'sig') === 'sig' && (key_ops?.includes('verify') ?? true);
}

/** Entra's keys name no algorithm: then the kind of the key decides (RFC 7518, 3.1). */
function fits(key: Key, alg: string): boolean {
  if (key.alg !== undefined) return key.alg === alg;
  if (alg === 'ES256') return key.kty === 'EC' && key.crv === 'P-256';
  if (alg === 'ES384') return key.kty === 'EC' && key.crv === 'P-384';
  return key.kty === 'RSA';
}
