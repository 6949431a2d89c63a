import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';

export interface ClientOptions {
  url: string;
  /** PEM of the authority that signed the server's certificate. */
  ca: string;
  /** `user@realm!id=secret` */
  token?: string;
  /** Cookie and CSRF token of a login. */
  session?: { cookie: string; csrf?: string };
  agent?: Agent;
}

export interface Sent {
  form?: Record<string, string>;
  json?: unknown;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** A body as it is, of whatever type the headers say. */
  raw?: string | Buffer;
}

export interface Answer {
  status: number;
  reason: string;
  headers: IncomingHttpHeaders;
  text: string;
  data: unknown;
  message: string;
  errors: Record<string, string>;
}

export type Client = (method: string, path: string, sent?: Sent) => Promise<Answer>;

/** A client that hides nothing: reason phrase, headers and raw body of each answer. */
export function createClient(options: ClientOptions): Client {
  const agent = options.agent ?? new Agent({ keepAlive: false });

  return (method, path, sent = {}) =>
    new Promise((resolve, reject) => {
      const query = sent.query === undefined ? '' : `?${new URLSearchParams(sent.query)}`;
      const url = new URL(`${options.url}/api2/json${path}${query}`);
      const body = bodyOf(sent);
      const headers = { ...login(options), ...typeOf(sent), ...lengthOf(method, body, sent.headers), ...sent.headers };
      const call = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const secure = url.protocol === 'https:' ? { agent, ca: options.ca } : {};
      const request = call(url, { method, headers, ...secure }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const zipped = response.headers['content-encoding'] === 'gzip';
          const content = zipped ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks);
          resolve(answerOf(response, content.toString('utf8')));
        });
      });
      request.on('error', reject);
      request.end(body);
    });
}

function login({ token, session }: ClientOptions): Record<string, string> {
  return {
    ...(token === undefined ? {} : { authorization: `PVEAPIToken=${token}` }),
    ...(session === undefined ? {} : { cookie: session.cookie }),
    ...(session?.csrf === undefined ? {} : { csrfpreventiontoken: session.csrf }),
  };
}

function bodyOf(sent: Sent): string | Buffer | undefined {
  if (sent.raw !== undefined) return sent.raw;
  if (sent.json !== undefined) return JSON.stringify(sent.json);
  return sent.form === undefined ? undefined : new URLSearchParams(sent.form).toString();
}

function typeOf(sent: Sent): Record<string, string> {
  if (sent.json !== undefined) return { 'content-type': 'application/json' };
  return sent.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
}

function lengthOf(
  method: string,
  body: string | Buffer | undefined,
  headers: Record<string, string> = {},
): Record<string, string> {
  if (headers['transfer-encoding'] !== undefined) return {};
  if (body === undefined) return method === 'GET' || method === 'DELETE' ? {} : { 'content-length': '0' };
  return { 'content-length': String(Buffer.byteLength(body)) };
}

function answerOf(
  response: { statusCode?: number; statusMessage?: string; headers: IncomingHttpHeaders },
  text: string,
): Answer {
  const parsed: { data?: unknown; message?: string; errors?: Record<string, string> } =
    text === '' ? {} : JSON.parse(text);
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: response.headers,
    text,
    data: parsed.data,
    message: parsed.message ?? '',
    errors: parsed.errors ?? {},
  };
}
