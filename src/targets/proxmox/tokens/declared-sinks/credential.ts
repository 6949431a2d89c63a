import { z } from 'zod';
import { absolutePath } from './values.js';

/** A file with `user@realm!id=secret`, such as the one that PVE_API_TOKEN_FILE names, or a credential of a unit. */
export interface DeclaredCredential {
  kind: 'credential';
  /** Absolute path of the file. */
  path: string;
  place: string;
}

export const credentialSink = z.strictObject({ type: z.literal('credential'), path: absolutePath }).transform(
  ({ path }) =>
    (): DeclaredCredential =>
      declareCredential(path),
);

export function declareCredential(path: string): DeclaredCredential {
  return { kind: 'credential', path, place: path };
}
