import { parseLink, parseUnchained } from './chain.js';
import { auditFiles, linesOf } from './files.js';

/** One record of the log, as it was written. */
export type StoredRecord = Readonly<Record<string, unknown>>;

/** What the log tells of one identity, in the order in which it was written. */
export interface Story {
  oid: string;
  /** Every user principal name that the identity had, the latest last. */
  upns: string[];
  records: StoredRecord[];
}

/**
 * What the log with its rotated files tells of somebody: one story for each identity that has had this user principal
 * name, or the one with this object id. Records of former names are found through the object id. Lines that are no
 * records are left out: `audit verify` finds those.
 */
export async function storiesOf(path: string, who: string): Promise<Story[]> {
  const wanted = who.toLowerCase();
  const files = auditFiles(path);
  const names = new Map<string, Set<string>>();
  for await (const record of recordsIn(files)) {
    for (const { oid, upn } of peopleIn(record)) {
      const known = names.get(oid) ?? new Set<string>();
      names.set(oid, known);
      if (upn !== undefined) {
        known.delete(upn);
        known.add(upn);
      }
    }
  }
  const stories = new Map<string, Story>();
  for (const [oid, upns] of names) {
    const named = [...upns].some((upn) => upn.toLowerCase() === wanted);
    if (oid.toLowerCase() === wanted || named) stories.set(oid, { oid, upns: [...upns], records: [] });
  }
  if (stories.size === 0) return [];
  for await (const record of recordsIn(files)) {
    for (const oid of new Set(peopleIn(record).map((person) => person.oid))) stories.get(oid)?.records.push(record);
  }
  for (const { records } of stories.values()) records.sort((a, b) => numberOf(a) - numberOf(b));
  return [...stories.values()];
}

async function* recordsIn(files: readonly string[]): AsyncGenerator<StoredRecord> {
  for (const file of files) {
    for await (const { bytes } of linesOf(file)) {
      const record = parseLink(bytes)?.record ?? parseUnchained(bytes);
      if (record) yield record;
    }
  }
}

interface Person {
  oid: string;
  upn?: string | undefined;
}

/** Whom a record is about: its own identity, and those that a plan in it lists. */
function peopleIn(record: StoredRecord): Person[] {
  const listed = [record.before, record.after].flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : []));
  const former = personIn({ ...asRecord(record.before), oid: record.oid });
  return [former, personIn(record), ...listed.map(personIn)].filter((person) => person !== undefined);
}

function personIn(value: unknown): Person | undefined {
  const { oid, upn } = asRecord(value);
  if (typeof oid !== 'string') return undefined;
  return { oid, upn: typeof upn === 'string' && upn !== '' ? upn : undefined };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Records from before the chain come first, as they stand. */
function numberOf({ seq }: StoredRecord): number {
  return typeof seq === 'number' ? seq : 0;
}
