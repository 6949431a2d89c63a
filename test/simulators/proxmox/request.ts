import type { IncomingMessage } from 'node:http';
import { ApiError, refused } from './errors.js';
import type { RawParams } from './fields.js';

const BODY_LIMIT_BYTES = 512 * 1024;
/** How much of a body that is refused anyway is read, so that the client gets to see the answer. */
const DRAIN_LIMIT_BYTES = 8 * 1024 * 1024;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];

/** The decoded path below `/api2/json` and the parameters of the query. */
export interface Target {
  path: string;
  query: RawParams;
}

/** @throws ApiError 501 for a path that is none of the API's, 400 for a broken percent-encoding */
export function targetOf(url: string): Target {
  const question = url.indexOf('?');
  const rawPath = question < 0 ? url : url.slice(0, question);
  if (!rawPath.startsWith('/api2/json')) throw refused(501, `no such file '${rawPath}'`);
  try {
    const path = decodeURIComponent(rawPath.slice('/api2/json'.length));
    return { path: path === '' ? '/' : path, query: formParams(question < 0 ? '' : url.slice(question + 1)) };
  } catch (error) {
    if (error instanceof URIError) throw refused(400, 'bad percent-encoding');
    throw error;
  }
}

/** What the HTTP layer refuses before it asks who is there. @throws ApiError 501 */
export function checkHead(request: IncomingMessage): void {
  const method = request.method ?? '';
  if (!METHODS.includes(method)) throw refused(501, `method '${method}' not available`);
  if (request.headers['transfer-encoding'] !== undefined) throw refused(501, 'chunked transfer encoding not supported');
}

/** The parameters of a body. @throws ApiError 400, 501 or 506 */
export async function readBody(request: IncomingMessage): Promise<RawParams> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length === 0) return {};
  const method = request.method ?? '';
  if (method !== 'POST' && method !== 'PUT') throw refused(501, `Unexpected content for method '${method}'`);
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/x-www-form-urlencoded' && type !== 'application/json') {
    throw refused(506, `upload 'Content-Type '${type}' not implemented`);
  }
  if (length > BODY_LIMIT_BYTES) throw refused(501, `for data too large (${length} > ${BODY_LIMIT_BYTES})`);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return type === 'application/json' ? jsonParams(text) : formParams(text);
}

/** Reads and forgets the rest of a refused body. */
export async function drain(request: IncomingMessage): Promise<void> {
  if (request.complete || request.readableEnded || request.destroyed) return;
  let read = 0;
  for await (const chunk of request) {
    read += (chunk as Buffer).length;
    if (read > DRAIN_LIMIT_BYTES) return;
  }
}

function formParams(text: string): RawParams {
  const params = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = params.get(name);
    params.set(name, before === undefined ? value : `${before}\0${value}`);
  }
  return Object.fromEntries(params);
}

function jsonParams(text: string): RawParams {
  const parsed = parseJson(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw refused(400, 'the JSON body is not an object');
  }
  return Object.fromEntries(Object.entries(parsed));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new ApiError(400, 'malformed JSON string', { bodiless: true });
    throw error;
  }
}
