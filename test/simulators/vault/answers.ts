import { randomUUID } from 'node:crypto';

export interface Answer {
  status: number;
  body?: object | undefined;
  headers?: Record<string, string>;
}

/** A refusal in Vault's form. */
export function refuse(status: number, ...errors: string[]): Answer {
  return { status, body: { errors } };
}

/** The envelope that Vault puts around everything it gives. */
export function give(
  data: object | null,
  { status = 200, auth = null }: { status?: number; auth?: object | null } = {},
): Answer {
  const envelope = { request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0 };
  return { status, body: { ...envelope, data, wrap_info: null, warnings: null, auth } };
}

export const NOTHING: Answer = { status: 204 };
