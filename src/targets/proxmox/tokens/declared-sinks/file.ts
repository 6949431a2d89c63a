import { z } from 'zod';
import { absolutePath } from './values.js';

export interface DeclaredFile {
  kind: 'file';
  /** Absolute path of the file. */
  path: string;
  place: string;
}

export const fileSink = z.strictObject({ type: z.literal('file'), path: absolutePath.optional() }).transform(
  ({ path }) =>
    (name: string): DeclaredFile =>
      declareFile(path ?? `/root/.${name}_token`),
);

/** Where the old workflow kept it. The name holds no slash, see `tokenName`. */
export function defaultSink(name: string): DeclaredFile {
  return declareFile(`/root/.${name}_token`);
}

function declareFile(path: string): DeclaredFile {
  return { kind: 'file', path, place: path };
}
