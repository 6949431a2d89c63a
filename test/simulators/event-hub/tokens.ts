import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a client shows on `$cbs`. */
export interface ShownToken {
  type: string;
  token: string;
  /** What it is for: `sb://host/hub/ConsumerGroups/…`. */
  audience: string;
}

export interface TokenRules {
  keyName: string;
  key: string;
  /** Judges an Entra token; without it none is accepted. */
  acceptJwt?: ((token: string) => boolean) | undefined;
}

/** Whether the service would accept it: a shared access signature over the audience, or an Entra token. */
export function isAccepted({ type, token, audience }: ShownToken, rules: TokenRules): boolean {
  if (type === 'jwt') return rules.acceptJwt?.(token) ?? false;
  if (type !== 'servicebus.windows.net:sastoken' || !token.startsWith('SharedAccessSignature ')) return false;
  const fields = new URLSearchParams(token.slice('SharedAccessSignature '.length));
  const { sr, sig, se, skn } = Object.fromEntries(fields);
  if (skn !== rules.keyName || sr === undefined || sig === undefined || Number(se) * 1000 <= Date.now()) return false;
  if (!audience.toLowerCase().startsWith(sr.toLowerCase())) return false;
  const right = createHmac('sha256', rules.key)
    .update(`${encodeURIComponent(sr)}\n${se}`)
    .digest();
  const given = Buffer.from(sig, 'base64');
  return given.length === right.length && timingSafeEqual(given, right);
}
