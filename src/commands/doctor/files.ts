import type { CheckName } from './catalogue.js';
import { type Check, fine, isOk, skipped, wrong } from './check.js';

/** What stands at a path: `hidden` where we may not look. */
export type Standing = { uid: number; gid: number; mode: number } | 'missing' | 'hidden';

/** A place of the installation, as systemd-tmpfiles makes it. */
export interface Place {
  name: CheckName;
  path: string;
  user: string;
  group: string;
  mode: number;
  /** Bits that are wrong wherever this runs. */
  never: number;
  /** Made only when it is needed, or by somebody else: its absence is told by another check. */
  optional?: boolean;
}

export interface FilePorts {
  places: readonly Place[];
  /** An installation, in which owners and modes are those of the package; elsewhere only `never` counts. */
  installed: boolean;
  stand: (path: string) => Promise<Standing>;
  idOf: (kind: 'user' | 'group', name: string) => number | undefined;
}

/** Owners and modes of everything that is kept, one check for each name. */
export async function checkFiles({ places, ...ports }: FilePorts): Promise<Check[]> {
  const looked = await Promise.all(places.map(async (place) => judge(place, await ports.stand(place.path), ports)));
  const names = [...new Set(places.map(({ name }) => name))];
  return names.flatMap((name) => {
    const own = looked.filter((check) => check.name === name);
    const bad = own.filter((check) => !isOk(check));
    return bad.length > 0 ? bad : [fine(name, own.map(({ saw }) => saw).join('; '))];
  });
}

function judge(place: Place, standing: Standing, { installed, idOf }: Omit<FilePorts, 'places' | 'stand'>): Check {
  const { name, path, user, group, mode, never, optional } = place;
  if (standing === 'missing') {
    if (optional) return fine(name, `${path} is not there`);
    return wrong(
      name,
      `${path} is not there`,
      'systemd-tmpfiles --create entramox.conf, or correct the setting that names it',
    );
  }
  if (standing === 'hidden') return skipped(name, `${path} may not be looked at from here`, 'run this as root');
  const seen = `${path} is ${octal(standing.mode)}`;
  if ((standing.mode & never) !== 0) {
    return wrong(name, `${seen}, so that others may use it`, `chmod ${octal(standing.mode & ~never)} ${path}`);
  }
  if (!installed) return fine(name, seen);
  const [uid, gid] = [idOf('user', user), idOf('group', group)];
  if (uid === undefined || gid === undefined) {
    return wrong(
      name,
      `there is no ${uid === undefined ? `user ${user}` : `group ${group}`}`,
      'systemd-sysusers entramox.conf',
    );
  }
  if (standing.uid !== uid || standing.gid !== gid) {
    return wrong(
      name,
      `${path} belongs to ${standing.uid}:${standing.gid}, not ${user}:${group}`,
      `chown ${user}:${group} ${path}`,
    );
  }
  if (standing.mode !== mode) return wrong(name, `${seen}, not ${octal(mode)}`, `chmod ${octal(mode)} ${path}`);
  return fine(name, `${seen} ${user}:${group}`);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
