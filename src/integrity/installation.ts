import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_MANIFEST, PROGRAM_MANIFEST } from './manifest.js';

/** Where the parts of an installation are. */
export interface Installation {
  /** The programs, the checking script among them. */
  programDirectory: string;
  configDirectory: string;
  policyFile: string;
}

const UNITS = [
  'entramox-accounts.service',
  'entramox-accounts.socket',
  'entramox-listener.service',
  'entramox-reconciler.service',
  'entramox.target',
];
/** Where systemd looks for units, the stronger first (systemd.unit(5)). */
const UNIT_DIRECTORIES = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system'];

/**
 * Files and directories in which nothing may be that was not sealed: the programs; the units with everything that
 * systemd would let override them; the files that make users and directories; the account agent's policy.
 */
export function watchedPlaces({ programDirectory, policyFile }: Installation): string[] {
  const units = UNIT_DIRECTORIES.flatMap((place) =>
    UNITS.flatMap((unit) => [join(place, unit), join(place, `${unit}.d`)]),
  );
  return [
    programDirectory,
    ...units,
    '/usr/lib/sysusers.d/entramox.conf',
    '/usr/lib/tmpfiles.d/entramox.conf',
    policyFile,
  ];
}

/** The configuration: files right in its directory, other than the policy and the manifests themselves. */
export function configFiles({ configDirectory, policyFile }: Installation): string[] {
  const own = [policyFile, PROGRAM_MANIFEST, CONFIG_MANIFEST];
  return filesBelow(configDirectory, { deep: false }).filter((path) => !own.includes(path) && !path.endsWith('~'));
}

/**
 * Files at or below a place, sorted; none where it is not there. A link to /dev/null, by which systemd masks a unit, is
 * no file. Throws Error for any other link, since what it leads to could be changed elsewhere.
 */
export function filesBelow(place: string, { deep = true } = {}): string[] {
  const status = lstatSync(place, { throwIfNoEntry: false });
  if (!status) return [];
  if (status.isSymbolicLink()) {
    const target = readlinkSync(place);
    if (target === '/dev/null') return [];
    throw new Error(`${place} is a link to ${target}, which cannot be sealed: put the file itself there`);
  }
  if (!status.isDirectory()) return status.isFile() ? [place] : [];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => deep || entry.isFile())
    .flatMap((entry) => filesBelow(join(place, entry.name)))
    .sort();
}
