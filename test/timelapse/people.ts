import { createChance } from '../model/chance.js';
import type { DirectoryControl } from '../simulators/entra/control.js';

/** The people and groups of the directory, and the changes that go on in it all the time. */
export interface People {
  groups: readonly string[];
  /** Somebody joins, leaves, is disabled, renamed or deleted. */
  change(choice: number): void;
}

const GROUPS = 7;
const FIRST = 30;

export function createPeople(directory: DirectoryControl): People {
  const groups = Array.from({ length: GROUPS }, (_, at) => directory.addGroup({ displayName: `group ${at}` }));
  let hired = 0;
  const there: string[] = [];
  const away: string[] = [];

  function hire(): string {
    hired += 1;
    const oid = directory.addUser({ userPrincipalName: `user${hired}@example.org` });
    there.push(oid);
    return oid;
  }

  function change(choice: number): void {
    const chance = createChance(choice);
    const oid = chance.pick(there);
    const group = chance.pick(groups);
    const dice = chance.below(10);
    if (dice < 5) {
      if (directory.isMember(group, oid)) directory.removeMember(group, oid);
      else directory.addMember(group, oid);
    } else if (dice < 7) directory.updateUser(oid, { accountEnabled: chance.often(0.6) });
    else if (dice < 8) directory.addMember(group, hire());
    else if (dice < 9 || there.length < FIRST / 2) directory.updateUser(oid, { department: `d${chance.below(50)}` });
    else if (away.length > 0 && chance.often(0.4)) {
      const back = away.shift() ?? '';
      directory.restoreUser(back);
      there.push(back);
    } else {
      directory.softDeleteUser(oid);
      there.splice(there.indexOf(oid), 1);
      away.push(oid);
    }
  }

  for (let count = 0; count < FIRST; count += 1) {
    const oid = hire();
    for (const [at, group] of groups.entries()) if ((count + at) % 3 === 0) directory.addMember(group, oid);
  }
  return { groups, change };
}
