import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../durable/replace-file.js';
import type { TokenEnd } from '../../targets/proxmox/tokens/ends.js';
import type { Expiry } from '../../telemetry/expiry.js';

/** No list of tokens is as long; what is longer is not read. */
const LARGEST_BYTES = 1024 * 1024;
/** A timer that looks once a day gets round to everything within two. */
const ROTATION_LATE_MS = 2 * 86_400_000;
const BELIEVED_MS = 30 * 86_400_000;

const instant = z.number().min(0).max(8.64e15);
const end = z.object({
  token: z.string().max(400),
  current: z.string().max(400),
  since: instant.optional(),
  endsAt: instant.optional(),
  rotatesAt: instant.optional(),
  isRenewed: z.boolean(),
  former: z.array(z.object({ token: z.string().max(400), revokeAfter: instant })),
  /** What the log was told of it last. */
  told: z.enum(['far', '30 days', '7 days', '1 day', 'expired']).optional(),
});
const schema = z.object({
  version: z.literal(1),
  /** By the file of declarations. */
  files: z.record(z.string(), z.object({ at: instant, tokens: z.array(end) })),
});

/** What is known of the declared tokens' ends. No secret is in it, so the reconciler may read it. */
export type TokenEnds = z.infer<typeof schema>;
export type KeptEnd = z.infer<typeof end>;

const NOTHING: TokenEnds = { version: 1, files: {} };

/** What was kept; nothing where there is no such file. Throws where it is something else. */
export function readTokenEnds(path: string): TokenEnds {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return NOTHING;
  if (size > LARGEST_BYTES)
    throw new Error(`${path} is larger than 1 MiB: remove it, the next "token apply" makes it anew`);
  const text = readFileSync(path, 'utf8');
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${path} is not what was written there: remove it, the next "token apply" makes it anew`);
  }
}

/**
 * How far the clock is believed: a month beyond the last look at these declarations. One that has jumped ahead gets until
 * the next look to be set right, before a token is revoked by it. undefined: nobody has looked before.
 */
export function believedUntil(path: string, declarations: string): number | undefined {
  const at = readTokenEnds(path).files[resolve(declarations)]?.at;
  return at === undefined ? undefined : at + BELIEVED_MS;
}

/** Owners of tokens that another file declares which is still there, by that file. Throws as `readTokenEnds` does. */
export function ownersElsewhere(path: string, declarations: string): Map<string, string> {
  const others = Object.entries(readTokenEnds(path).files).filter(([file]) => isAnother(file, declarations));
  return new Map(
    others.flatMap(([file, { tokens }]) => tokens.map(({ token }) => [token.slice(0, token.lastIndexOf('!')), file])),
  );
}

function isAnother(file: string, declarations: string): boolean {
  return file !== resolve(declarations) && existsSync(file);
}

/** Keeps what is known of one file's tokens beside what is known of others, as far as those files are still there. */
export async function keepTokenEnds(
  path: string,
  declarations: string,
  ends: readonly KeptEnd[],
  now: number,
): Promise<void> {
  let former = NOTHING;
  try {
    former = readTokenEnds(path);
  } catch {
    // What cannot be read is replaced: all of it can be found out again.
  }
  const others = Object.entries(former.files).filter(([file]) => isAnother(file, declarations));
  const files = { ...Object.fromEntries(others), [resolve(declarations)]: { at: now, tokens: [...ends] } };
  const text = `${JSON.stringify({ version: 1, files } satisfies TokenEnds)}\n`;
  await replaceFile(path, text, { mode: 0o644, directoryMode: 0o755 });
  // The reconciler, another user, must be able to read it, however careful root's umask is.
  await chmod(path, 0o644);
}

/**
 * What is to be watched of it: the end of each token that ends, each rotation that nobody has done in time, and each former
 * token that nobody has revoked in time.
 */
export function expiriesIn({ files }: TokenEnds, now: number): Expiry[] {
  return Object.values(files)
    .flatMap(({ tokens }) => tokens)
    .flatMap((token) => expiriesOfToken(token, now));
}

/** The same of one token. */
export function expiriesOfToken({ token, endsAt, rotatesAt, isRenewed, former }: TokenEnd, now: number): Expiry[] {
  const isLate = rotatesAt !== undefined && now > rotatesAt + ROTATION_LATE_MS;
  const late = [
    ...(isLate ? [{ token, at: rotatesAt }] : []),
    // Its secret still opens everything that it ever did.
    ...former.flatMap((one) => (now > one.revokeAfter + ROTATION_LATE_MS ? [{ ...one, at: one.revokeAfter }] : [])),
  ].map((one): Expiry => ({ credential: 'proxmox-token-rotation', name: one.token, expiresAt: one.at }));
  // Until a rotation is late, the end that it puts off is nobody's concern.
  if (endsAt === undefined || (isRenewed && !isLate && endsAt > now)) return late;
  return [...late, { credential: 'proxmox-token', name: token, expiresAt: endsAt }];
}
