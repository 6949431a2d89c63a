import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Why `node_modules` does not hold what `package-lock.json` asks for, or undefined where it does. npm writes what it
 * installed to `node_modules/.package-lock.json`; optional packages for other platforms are rightly missing there.
 *
 * @param {string} root folder of the project
 * @returns {string | undefined}
 */
export function staleness(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  if (wanted === undefined) return 'package-lock.json cannot be read';
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'node_modules is missing';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue;
    const found = installed[path];
    if (found === undefined && entry.optional) continue;
    if (found === undefined) return `${path} is not installed`;
    if (found.version !== entry.version || found.integrity !== entry.integrity) {
      return `${path} is ${found.version} instead of ${entry.version}`;
    }
  }
  return undefined;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
