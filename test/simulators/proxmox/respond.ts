import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { ApiError } from './errors.js';

const GZIP_ABOVE_BYTES = 1024;

const HEADERS = {
  'cache-control': 'max-age=0',
  pragma: 'no-cache',
  server: 'pve-api-daemon/3.0',
};

/** How one answer leaves. */
export interface Delivery {
  response: ServerResponse;
  acceptsGzip: boolean;
  /** true: this is the last answer on the connection. */
  last: boolean;
}

/** What a success carries. */
export function dataBody(data: unknown): { data: unknown } {
  return { data: data ?? null };
}

/** What an error carries, unless it is bodiless. */
export function errorBody(error: ApiError): { data: null; message: string; errors: unknown } {
  return { data: null, message: `${error.message}\n`, errors: error.errors };
}

/** 200 with `{"data": …}`. */
export function sendData(delivery: Delivery, data: unknown): void {
  send(delivery, 200, 'OK', Buffer.from(JSON.stringify(dataBody(data))));
}

/** The error as the API writes it: text in the body and, its first line, in the reason phrase. */
export function sendError(delivery: Delivery, error: ApiError): void {
  const reason = error.message.split('\n')[0] ?? '';
  const content = error.bodiless ? Buffer.alloc(0) : Buffer.from(JSON.stringify(errorBody(error)));
  send({ ...delivery, last: true }, error.status, reason, content);
}

/** Any text of the API as the answer to a fault that was asked for. */
export function asApiError(answer: { status: number; text: string; bodiless?: boolean }): ApiError {
  const bodiless = answer.bodiless ?? [401, 501, 506, 595, 596, 599].includes(answer.status);
  return new ApiError(answer.status, answer.text, { bodiless });
}

function send(delivery: Delivery, status: number, reason: string, content: Buffer): void {
  const { response } = delivery;
  const zipped = delivery.acceptsGzip && content.length > GZIP_ABOVE_BYTES;
  const body = zipped ? gzipSync(content, { level: 1 }) : content;
  response.writeHead(status, reasonPhrase(reason), {
    ...HEADERS,
    ...(body.length > 0 ? { 'content-type': 'application/json;charset=UTF-8' } : {}),
    ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    'content-length': body.length,
    connection: delivery.last ? 'close' : 'Keep-Alive',
  });
  response.end(body);
}

/** UTF-8 bytes in the head, without anything that would end the line. */
function reasonPhrase(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^\x20-\x7e\x80-\xff]/g, ' ');
}
