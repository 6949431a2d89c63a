import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab/lab.js';

/** The text of a file in the lab's directory: `ca.pem`, `tls.crt`, `tls.key`. */
export function labFile(lab: Lab, name: string): string {
  return readFileSync(join(lab.dir, name), 'utf8');
}

/** A setting as the lab wrote it for the product. Throws where there is none. */
export function settingOf(lab: Lab, name: string): string {
  const line = readFileSync(lab.envFile, 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${name}=`));
  if (line === undefined) throw new Error(`the lab has no setting ${name}`);
  return line.slice(name.length + 1).replace(/^'(.*)'$/, '$1');
}
