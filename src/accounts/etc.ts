import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from './errors.js';

export interface PasswdLine {
  name: string;
  uid: number;
  gid: number;
  gecos: string;
  home: string;
  shell: string;
}

export interface ShadowLine {
  name: string;
  password: string;
  /** Day of the last change of the password; `0` asks for a new one at the next login. */
  changed: string;
  /** Day on which the account expires, empty for never. */
  expiry: string;
}

export interface GroupLine {
  name: string;
  gid: number;
  members: string[];
}

/** What the account files say at one moment. Of double names the first counts, as in the C library. */
export interface Etc {
  passwd: ReadonlyMap<string, PasswdLine>;
  shadow: ReadonlyMap<string, ShadowLine>;
  group: ReadonlyMap<string, GroupLine>;
  gshadow: ReadonlySet<string>;
  /** Names by uid and by gid. */
  nameOfUid: ReadonlyMap<number, string>;
  groupOfGid: ReadonlyMap<number, string>;
}

/** Reads passwd, shadow, group and gshadow of a directory, `/etc` on a host. A missing file reads as empty. */
export function readEtc(directory: string): Etc {
  const passwd = new Map<string, PasswdLine>();
  const nameOfUid = new Map<number, string>();
  for (const [name = '', , uid, gid, gecos = '', home = '', shell = ''] of rows(join(directory, 'passwd'))) {
    if (passwd.has(name)) continue;
    passwd.set(name, { name, uid: Number(uid), gid: Number(gid), gecos, home, shell });
    if (!nameOfUid.has(Number(uid))) nameOfUid.set(Number(uid), name);
  }
  const shadow = new Map<string, ShadowLine>();
  for (const [name = '', password = '', changed = '', , , , , expiry = ''] of rows(join(directory, 'shadow'))) {
    if (!shadow.has(name)) shadow.set(name, { name, password, changed, expiry });
  }
  const group = new Map<string, GroupLine>();
  const groupOfGid = new Map<number, string>();
  for (const [name = '', , gid, members = ''] of rows(join(directory, 'group'))) {
    if (group.has(name)) continue;
    group.set(name, { name, gid: Number(gid), members: members === '' ? [] : members.split(',') });
    if (!groupOfGid.has(Number(gid))) groupOfGid.set(Number(gid), name);
  }
  const gshadow = new Set(rows(join(directory, 'gshadow')).map(([name = '']) => name));
  return { passwd, shadow, group, gshadow, nameOfUid, groupOfGid };
}

/** The groups that list this name as a member, sorted. */
export function groupsOf(etc: Etc, name: string): string[] {
  return [...etc.group.values()]
    .filter((line) => line.members.includes(name))
    .map((line) => line.name)
    .sort();
}

function rows(file: string): string[][] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}
