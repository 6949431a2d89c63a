import { SourceUnavailable } from '../../../../src/domain/errors.js';
import type { GroupId, ObjectId } from '../../../../src/domain/identity.js';
import type {
  Directory,
  GroupReading,
  PresentReading,
  Reading,
  UnknownReading,
} from '../../../../src/domain/reading.js';

export interface Person {
  oid: ObjectId;
  upn: string;
  displayName: string;
  enabled: boolean;
  groups: GroupId[];
  standing: 'there' | 'soft-deleted' | 'hard-deleted';
}

/** Entra as people and groups, with readings that can be made to fail or to lie. */
export interface FakeDirectory extends Directory {
  people: Map<ObjectId, Person>;
  /** The configured groups, and people in scope by their object id. */
  groups: GroupId[];
  users: ObjectId[];
  /** Nothing can be asked. */
  down: boolean;
  /** Single people cannot be read; listings work. */
  singlesDown: boolean;
  /** These people's readings are unknown. */
  unreadable: Set<ObjectId>;
  /** The listing of these groups fails, and nobody's membership of them shows. */
  unreadableGroups: Set<GroupId>;
  /** These groups are deleted in Entra. */
  goneGroups: Set<GroupId>;
  /** The next single readings of a person, before the true ones. */
  scripted: Map<ObjectId, Reading[]>;
  /** Every reading that was given, in order. */
  given: Reading[];
  /** Called at the beginning of each single read. */
  onRead: (oids: readonly ObjectId[]) => void | Promise<void>;
  /** Called at the beginning of each listing, with what it is of. */
  onScope: (only?: readonly GroupId[]) => void | Promise<void>;
  add(person: Partial<Person> & Pick<Person, 'oid' | 'upn'>): Person;
  person(oid: ObjectId): Person;
}

export function createFakeDirectory(groups: readonly GroupId[], users: readonly ObjectId[] = []): FakeDirectory {
  const hidden = (group: GroupId) => directory.unreadableGroups.has(group) || directory.goneGroups.has(group);

  function present(person: Person): PresentReading {
    const { oid, upn, displayName, enabled } = person;
    const attributes = { upn, displayName };
    return {
      certainty: 'present',
      oid,
      attributes,
      enabled,
      groups: directory.groups.filter((group) => person.groups.includes(group) && !hidden(group)),
    };
  }

  function read(oid: ObjectId): Reading {
    const scripted = directory.scripted.get(oid)?.shift();
    if (scripted) return scripted;
    if (directory.unreadable.has(oid)) return unknown(oid);
    const person = directory.people.get(oid);
    if (person?.standing === 'soft-deleted') return { certainty: 'absent', oid, evidence: 'soft-deleted' };
    if (person?.standing !== 'there') return { certainty: 'absent', oid, evidence: 'not-found' };
    return present(person);
  }

  const directory: FakeDirectory = {
    people: new Map(),
    groups: [...groups],
    users: [...users],
    down: false,
    singlesDown: false,
    unreadable: new Set(),
    unreadableGroups: new Set(),
    goneGroups: new Set(),
    scripted: new Map(),
    given: [],
    onRead: () => undefined,
    onScope: () => undefined,
    add(person) {
      const whole: Person = {
        displayName: person.upn.split('@')[0] ?? '',
        enabled: true,
        groups: [],
        standing: 'there',
        ...person,
      };
      directory.people.set(whole.oid, whole);
      return whole;
    },
    person(oid) {
      const person = directory.people.get(oid);
      if (!person) throw new Error(`nobody has the object id ${oid}`);
      return person;
    },
    async readIdentities(oids) {
      await directory.onRead(oids);
      if (directory.down || (directory.singlesDown && oids.length > 0)) throw new SourceUnavailable('Graph is away');
      const readings = oids.map(read);
      directory.given.push(...readings);
      return readings;
    },
    async readScope(_signal, only) {
      await directory.onScope(only);
      if (directory.down) throw new SourceUnavailable('Graph is away');
      const readings = new Map<GroupId, GroupReading>();
      const identities = new Map<ObjectId, PresentReading | UnknownReading>();
      for (const group of only ?? directory.groups) {
        if (hidden(group)) {
          readings.set(group, { certainty: 'unknown', why: 'page 2 failed' });
          continue;
        }
        const members = [...directory.people.values()].filter(
          ({ groups: of, standing }) => standing === 'there' && of.includes(group),
        );
        readings.set(group, { certainty: 'present', members: members.length });
        for (const { oid } of members) {
          const reading = present(directory.person(oid));
          const listed = only ? { ...reading, groups: [group] } : reading;
          const shown = directory.unreadable.has(oid) ? unknown(oid) : listed;
          directory.given.push(shown);
          identities.set(oid, shown);
        }
      }
      for (const oid of only ? [] : directory.users) {
        const reading = read(oid);
        directory.given.push(reading);
        if (reading.certainty !== 'absent') identities.set(oid, reading);
      }
      return { groups: readings, identities };
    },
    async existingGroups(asked) {
      return new Set(asked.filter((group) => !hidden(group)));
    },
    async findByUpn(upn) {
      if (directory.down) throw new SourceUnavailable('Graph is away');
      return [...directory.people.values()].find((person) => person.upn === upn && person.standing === 'there')?.oid;
    },
  };
  return directory;
}

function unknown(oid: ObjectId): UnknownReading {
  return { certainty: 'unknown', oid, why: 'time-out' };
}
