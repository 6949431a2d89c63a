import { randomBytes } from 'node:crypto';
import { appendFileSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alternativeUids, uidOf } from '../../src/accounts/uid.js';
import { commentFor } from '../../src/domain/proxmox-comment.js';
import type { LedgerDocument } from '../../src/ledger/document.js';
import { type Lab, REALM } from '../lab/lab.js';
import { LAB_UID_RANGE } from '../lab/linux-host.js';

export interface Person {
  oid: string;
  name: string;
  upn: string;
  uid: number;
}

/** People in Entra and nowhere else. Names are so short that 5,000 fit into the 1 MiB that user.cfg may have. */
export async function hire(lab: Lab, count: number): Promise<Person[]> {
  const taken = new Set<number>();
  const people: Person[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `p${String(index).padStart(5, '0')}`;
    const oid = lab.join(name);
    const rules = { uidRange: LAB_UID_RANGE, uids: {} };
    const uid = [uidOf(oid, rules), ...alternativeUids(oid, rules)].find((candidate) => !taken.has(candidate)) ?? 0;
    taken.add(uid);
    people.push({ oid, name, upn: `${name}@example.com`, uid });
  }
  return people;
}

/**
 * Writes what a sweep would have left: accounts, homes and the agent's record in the private root, users in Proxmox,
 * and the ledger. Making 5,000 accounts one by one would take minutes and measure nothing.
 */
export function provision(lab: Lab, people: readonly Person[]): void {
  provisionLinux(lab, people);
  for (const { oid, name, upn } of people) {
    lab.proxmox.addUser({
      userid: `${upn}@${REALM}`,
      comment: commentFor(oid, ACTIVE, undefined),
      firstname: name,
      lastname: 'Example',
      email: upn,
      groups: [`entramox-${REALM}`, `PVEAuditor-${REALM}`],
    });
  }
  writeFileSync(join(lab.dir, 'state/ledger.json'), JSON.stringify(ledgerOf(lab, people)), { mode: 0o640 });
}

const ACTIVE = { presence: 'active', entitlement: { sudo: false, linuxGroups: [], pveGroups: [] } } as const;

function provisionLinux(lab: Lab, people: readonly Person[]): void {
  const root = lab.host?.sandbox?.root;
  if (!root) throw new Error('accounts are only ever written into a private root');
  const append = (file: string, line: (person: Person) => string) =>
    appendFileSync(join(root, 'etc', file), people.map((person) => `${line(person)}\n`).join(''));
  // As long as a real yescrypt hash, since every tool copies these files as a whole.
  const hash = () =>
    `$y$j9T$${randomBytes(16).toString('hex').slice(0, 22)}$${randomBytes(22).toString('hex').slice(1)}`;
  append('passwd', ({ name, uid }) => `${name}:x:${uid}:${uid}:${name} Example:/home/${name}:/bin/bash`);
  append('shadow', ({ name }) => `${name}:${hash()}:0:0:99999:7:::`);
  append('group', ({ name, uid }) => `${name}:x:${uid}:`);
  append('gshadow', ({ name }) => `${name}:!::`);
  for (const { name, uid } of people) {
    const home = join(root, 'home', name);
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, uid, uid);
  }
  const accounts = people.map(({ oid, name, uid }) => {
    return { oid, name, uid, state: 'made', adopted: false, formerNames: [] };
  });
  const record = JSON.stringify({ version: 1, accounts, locks: [], deletes: [] });
  writeFileSync(join(root, 'var/lib/entramox-accounts/accounts.json'), record, { mode: 0o600 });
}

function ledgerOf(lab: Lab, people: readonly Person[]): LedgerDocument {
  const now = Date.now();
  const identities = people.map(({ oid, name, upn }) => ({
    oid,
    upn,
    displayName: `${name} Example`,
    state: 'active' as const,
    since: now,
    groups: [lab.groups.everybody],
    names: { linux: name, proxmox: `${upn}@${REALM}` },
    retired: [],
    conflicts: [],
  }));
  return {
    version: 1,
    identities: Object.fromEntries(identities.map((entry) => [entry.oid, entry])),
    groups: {
      [lab.groups.everybody]: { members: people.length, at: now },
      [lab.groups.admins]: { members: 0, at: now },
    },
    guard: { window: [], approved: [] },
  };
}
