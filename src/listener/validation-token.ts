/** Microsoft does not say how long a token may be; those seen are below 200 characters. */
const MAX_TOKEN_CHARS = 4096;
const CONTROL = /\p{Cc}/u;

export type TokenReading = { kind: 'none' } | { kind: 'token'; token: string } | { kind: 'bad'; why: string };

/**
 * Reads the handshake token out of a request's URL, decoded as a form value (`+` is a space). Graph: the answer
 * must be exactly the decoded token (change-notifications-delivery-webhooks).
 */
export function readValidationToken(url: string): TokenReading {
  const mark = url.indexOf('?');
  if (mark === -1 || !url.includes('validationToken', mark)) return { kind: 'none' };
  const values: string[] = [];
  for (const pair of url.slice(mark + 1).split('&')) {
    const equals = pair.indexOf('=');
    if ((equals === -1 ? pair : pair.slice(0, equals)) === 'validationToken') {
      values.push(equals === -1 ? '' : pair.slice(equals + 1));
    }
  }
  const [raw, ...more] = values;
  if (raw === undefined) return { kind: 'none' };
  if (more.length > 0) return { kind: 'bad', why: 'more than one token' };
  const token = decode(raw);
  if (token === undefined) return { kind: 'bad', why: 'broken percent encoding' };
  if (token === '') return { kind: 'bad', why: 'empty' };
  if (token.length > MAX_TOKEN_CHARS) return { kind: 'bad', why: `longer than ${MAX_TOKEN_CHARS} characters` };
  if (CONTROL.test(token)) return { kind: 'bad', why: 'control characters' };
  return { kind: 'token', token };
}

function decode(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
