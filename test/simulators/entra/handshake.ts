import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { GraphFailure } from './errors.js';
import type { Transport } from './transport.js';

/** Asks an endpoint to prove itself within the limit; throws the 400 that Graph answers when it does not. */
export async function shakeHands(url: string, transport: Transport, limitMs: number): Promise<void> {
  const token = `Validation: Testing client application reachability for subscription Request-Id: ${randomUUID()} +&=%é`;
  const address = `${url}${url.includes('?') ? '&' : '?'}validationToken=${encodeURIComponent(token)}`;
  const result = await transport.post(address, 'text/plain; charset=utf-8', '', limitMs);
  if (result.kind === 'timeout') throw failed('Subscription validation request timed out.');
  if (result.kind === 'unreachable')
    throw failed(
      `Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request. (${result.why})`,
    );
  if (result.status >= 300)
    throw failed(
      `Subscription validation request failed. Must respond with 200 OK to this request. HTTP status code is '${reason(result.status)}'.`,
    );
  if (result.status !== 200)
    throw failed(
      'Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.',
    );
  if (result.text !== token || !/^text\/plain\b/i.test(result.contentType))
    throw failed(
      'Subscription validation request failed. Response must exactly match validationToken query parameter.',
    );
}

function failed(message: string): GraphFailure {
  return new GraphFailure(400, 'InvalidRequest', message);
}

function reason(status: number): string {
  return (STATUS_CODES[status] ?? String(status)).replaceAll(/[ -]/g, '');
}
