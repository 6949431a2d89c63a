import { Refusal } from './refusal.js';

export interface Question {
  oid: string;
  name: string;
}

/** What one line may ask for. */
export type Request = { id: number } & (
  | { verb: 'observe'; oids?: string[]; names?: Question[] }
  | { verb: 'create'; oid: string; name: string; gecos: string }
  | { verb: 'lock' | 'unlock' | 'delete'; oid: string }
  | { verb: 'groups'; oid: string; groups: string[] }
  | { verb: 'sudo'; oid: string; granted: boolean }
);

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const guid: Check = (value) => typeof value === 'string' && GUID.test(value);
const text: Check = (value) => typeof value === 'string' && value.length <= 1024;
const flag: Check = (value) => typeof value === 'boolean';
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const question: Check = (value) =>
  isRecord(value) && Object.keys(value).length === 2 && guid(value.oid) && text(value.name);

const VERBS = new Map<string, { needed: Fields; optional: Fields }>([
  ['observe', { needed: {}, optional: { oids: list(guid), names: list(question) } }],
  ['create', { needed: { oid: guid, name: text, gecos: text }, optional: {} }],
  ['lock', { needed: { oid: guid }, optional: {} }],
  ['unlock', { needed: { oid: guid }, optional: {} }],
  ['groups', { needed: { oid: guid, groups: list(text) }, optional: {} }],
  ['sudo', { needed: { oid: guid, granted: flag }, optional: {} }],
  ['delete', { needed: { oid: guid }, optional: {} }],
]);

/** Exactly the fields of a known verb. Throws Refusal `invalid` for anything else. */
export function parseRequest(value: unknown): Request {
  if (!isRecord(value)) throw new Refusal('invalid', 'a request is one JSON object');
  if (requestId(value) === null) throw new Refusal('invalid', 'id is missing or no whole number');
  const verb = VERBS.get(String(value.verb));
  if (!verb) throw new Refusal('invalid', `there is no verb ${JSON.stringify(value.verb)?.slice(0, 40)}`);
  const fields: Fields = { ...verb.needed, ...verb.optional };
  const given = Object.keys(value).filter((key) => key !== 'id' && key !== 'verb');
  const wrong = given.find((key) => !Object.hasOwn(fields, key) || !fields[key]?.(value[key]));
  if (wrong !== undefined) throw new Refusal('invalid', `${value.verb} cannot take this ${wrong.slice(0, 40)}`);
  const missing = Object.keys(verb.needed).find((key) => !given.includes(key));
  if (missing !== undefined) throw new Refusal('invalid', `${value.verb} needs ${missing}`);
  // Each field of the verb was checked above, and no other is there.
  return value as unknown as Request;
}

/** Whom to answer; null where the line does not say. */
export function requestId(value: unknown): number | null {
  if (!isRecord(value)) return null;
  return Number.isSafeInteger(value.id) && Number(value.id) >= 0 ? Number(value.id) : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
