import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The file that runs: the bundle in an installation, this one where the sources are run as they are. */
export function programFile(): string {
  return realpathSync(fileURLToPath(import.meta.url));
}
