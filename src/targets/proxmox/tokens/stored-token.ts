import { z } from 'zod';

/** What PVE answers when it makes a token, and what a sink keeps: the JSON of the old workflow. */
export interface StoredToken {
  'full-tokenid': string;
  info: { comment?: string | undefined; expire: number; privsep: 0 | 1 };
  /** The secret. Never in a log, a message or an argument. */
  value: string;
}

const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
]);

/** Fresh answers of PVE echo numbers as strings. */
export const storedToken = z
  .object({
    'full-tokenid': z.string().regex(/^[^\s!]+@[^\s!]+![^\s!]+$/),
    info: z.object({ comment: z.string().nullish(), expire: number.nullish(), privsep: number.nullish() }),
    value: z.string().regex(/^[\x21-\x7e]{8,200}$/),
  })
  .transform(
    ({ info, value, 'full-tokenid': fullId }): StoredToken => ({
      'full-tokenid': fullId,
      info: { comment: info.comment ?? undefined, expire: info.expire ?? 0, privsep: info.privsep === 0 ? 0 : 1 },
      value,
    }),
  );

/** The file's text: the JSON of the old workflow, on one line as `pveum -o json` writes it. */
export function textOf(token: StoredToken): string {
  return `${JSON.stringify(token)}\n`;
}

/** The token in a text that a sink gave back, or why there is none. Never repeats the text. */
export function readStored(text: string): { ok: true; token: StoredToken } | { ok: false; why: string } {
  try {
    const read = storedToken.safeParse(JSON.parse(text));
    return read.success ? { ok: true, token: read.data } : { ok: false, why: 'is not the JSON of a token' };
  } catch {
    return { ok: false, why: 'is not JSON' };
  }
}
