import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, type Ledger, openLedger } from '../../../src/accounts/ledger.js';
import type { Paths } from '../../../src/accounts/workshop.js';

export const ALICE = '11111111-1111-4111-8111-111111111111';
export const BOB = '22222222-2222-4222-8222-222222222222';

export interface Person {
  name: string;
  uid: number;
  gid?: number;
  gecos?: string;
  home?: string;
  password?: string;
  expiry?: string;
  /** Without a line in shadow. */
  half?: boolean;
}

/** A directory with the files of a host that the account agent reads. */
export interface Host {
  root: string;
  paths: Paths;
  ledger: Ledger;
  write(name: string, text: string): string;
  /** The account files, with these people and groups (by name: gid and members). */
  people(people: readonly Person[], groups?: Record<string, [gid: number, ...members: string[]]>): void;
  remove(): void;
}

export function createHost(): Host {
  const root = mkdtempSync(join(tmpdir(), 'host-'));
  const below = (name: string) => join(root, name);
  for (const name of ['etc', 'sudoers', 'proc', 'home']) mkdirSync(below(name));
  const write = (name: string, text: string): string => {
    writeFileSync(below(name), text);
    return below(name);
  };
  return {
    root,
    write,
    paths: {
      etc: below('etc'),
      sudoers: below('sudoers'),
      proc: below('proc'),
      linger: below('linger'),
      sudoTimestamps: below('ts'),
      crontabs: below('crontabs'),
      atJobs: below('atjobs'),
      mail: below('mail'),
      skeleton: below('skel'),
    },
    ledger: openLedger(below('accounts.json')),
    people(people, groups = {}) {
      const own = people.map(({ name, uid, gid = uid }): [string, [number, ...string[]]] => [name, [gid]]);
      const all = [...own, ...Object.entries(groups)];
      const lines = (rows: string[]) => rows.map((row) => `${row}\n`).join('');
      const passwd = people.map(
        ({ name, uid, gid = uid, gecos = '', home = `/home/${name}` }) =>
          `${name}:x:${uid}:${gid}:${gecos}:${home}:/bin/bash`,
      );
      const shadow = people
        .filter(({ half }) => !half)
        .map(({ name, password = '$y$x', expiry = '' }) => `${name}:${password}:0:::::${expiry}:`);
      write('etc/passwd', lines(passwd));
      write('etc/shadow', lines(shadow));
      write('etc/group', lines(all.map(([name, [gid, ...members]]) => `${name}:x:${gid}:${members.join()}`)));
      write('etc/gshadow', lines(all.map(([name, [, ...members]]) => `${name}:!::${members.join()}`)));
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}

/** An account of Alice's as the agent made it. */
export function made(change: Partial<Entry> = {}): Entry {
  return { oid: ALICE, name: 'alice', uid: 20_001, state: 'made', adopted: false, formerNames: [], ...change };
}

/** A complete lock. */
export const LOCK = { previousExpiry: '', passwordWasLocked: false, since: 5, bootId: 'b', uptimeMs: 1 };
/** What shadow shows of somebody locked. */
export const SHUT = { password: '!$y$x', expiry: '1' };
