import { Agent } from 'undici';
import { messageOf, Rejected } from '../../../../../domain/errors.js';
import { redactText } from '../../../../../telemetry/redact.js';
import { readBounded } from '../../../answer.js';
import { excerpt } from '../../../text.js';

export interface VaultAnswer {
  status: number;
  /** What the JSON says; undefined where there is no body. */
  body: unknown;
  /** Where a redirect leads. */
  location: string | undefined;
}

export interface VaultCall {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below /v1/, of characters that need no encoding. */
  path: string;
  body?: object | undefined;
  /** Sent as X-Vault-Token. */
  token?: string | undefined;
}

/** The HTTP of Vault and OpenBao. Throws Rejected where no whole answer comes; whatever is answered is given back. */
export interface VaultHttp {
  call(call: VaultCall): Promise<VaultAnswer>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 20_000;

export interface VaultHttpOptions {
  address: string;
  namespace: string | undefined;
  /** PEM; undefined: the authorities that Node knows. */
  ca: string | undefined;
  timeoutMs?: number;
}

export function createVaultHttp({ address, namespace, ca, timeoutMs = TIMEOUT_MS }: VaultHttpOptions): VaultHttp {
  const url = new URL(address);
  const agent = new Agent({
    connect: { timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connections: 1,
    pipelining: 1,
  });
  return {
    async call({ method, path, body, token }) {
      // Vault asks for this header so that a browser cannot be made to speak to an agent of it on this machine.
      const headers: Record<string, string> = { 'x-vault-request': 'true', accept: 'application/json' };
      if (namespace !== undefined) headers['x-vault-namespace'] = namespace;
      if (token !== undefined) headers['x-vault-token'] = token;
      if (body !== undefined) headers['content-type'] = 'application/json';
      try {
        const answer = await agent.request({
          origin: url.origin,
          path: `${url.pathname.replace(/\/+$/, '')}/v1/${path}`,
          method,
          headers,
          body: body === undefined ? null : JSON.stringify(body),
          signal: AbortSignal.timeout(timeoutMs),
        });
        const text = await readBounded(answer);
        if (!text.ok) throw new Error(`its answer ${text.why}`);
        const { location } = answer.headers;
        const target = typeof location === 'string' ? location : undefined;
        return { status: answer.statusCode, body: parseJson(text.text), location: target };
      } catch (error) {
        throw new Rejected(`the vault at ${address} gave no answer: ${excerpt(redactText(messageOf(error)), [])}`);
      }
    },
    close: () => agent.destroy(),
  };
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
