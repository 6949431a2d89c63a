import { z } from 'zod';

/** Where the secret of a token is kept. */
export interface DeclaredSink {
  kind: 'file';
  /** Absolute path of the file. */
  path: string;
  /** The place in words; no two tokens may share it. */
  place: string;
}

const absolutePath = z
  .string()
  .max(1024)
  .regex(/^(?:\/[^/\0\n]+)+$/, 'expected the absolute path of a file')
  .refine((text) => !text.split('/').some((part) => part === '.' || part === '..'), 'must not hold . or ..');

/** `sink` of an entry. */
export const declaredSink = z
  .strictObject({ type: z.literal('file', 'expected "file"'), path: absolutePath })
  .transform(({ path }): DeclaredSink => fileSink(path));

/** Where the old workflow kept it. The name holds no slash, see `tokenName`. */
export function defaultSink(name: string): DeclaredSink {
  return fileSink(`/root/.${name}_token`);
}

function fileSink(path: string): DeclaredSink {
  return { kind: 'file', path, place: path };
}
