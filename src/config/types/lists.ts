import { parseGuid } from '../../domain/identity.js';
import { type ValueType, valueType } from '../value-type.js';

/** Words separated by commas or white space; empty text is an empty list. */
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** A list in which every entry is read by `read`, which gives undefined for a wrong one. Repeats are dropped. */
export function listOf(what: string, read: (word: string) => string | undefined): ValueType<readonly string[]> {
  const expected = `${what}, separated by commas or spaces`;
  return valueType(expected, (text, wrong) => {
    const entries = words(text);
    const values = entries.map(read);
    const bad = entries.filter((_, index) => values[index] === undefined);
    if (bad.length > 0) return wrong(`${expected}; not so: ${bad.slice(0, 5).join(' ')}`);
    return [...new Set(values as string[])];
  });
}

export function guidList(what: string): ValueType<readonly string[]> {
  return listOf(`object ids (GUIDs) of ${what}`, parseGuid);
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`);

/** DNS domains in lower case; a leading @ is dropped. */
export function domainList(): ValueType<readonly string[]> {
  return listOf('domains such as example.com', (word) => {
    const domain = word.toLowerCase().replace(/^@/, '');
    return domain.length <= 253 && DOMAIN.test(domain) ? domain : undefined;
  });
}

const UNIX_GROUP = /^[a-z_][a-z0-9_-]{0,31}$/;

/** A Unix group's name as groupadd takes it without argument. */
export function isUnixGroup(word: string): boolean {
  return UNIX_GROUP.test(word);
}

export function unixGroupList(): ValueType<readonly string[]> {
  return listOf('names of Unix groups', (word) => (isUnixGroup(word) ? word : undefined));
}
