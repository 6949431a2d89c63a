import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { converse } from '../../../src/accounts/converse.js';
import { edit, mutate } from '../mutate.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const OID = '11111111-1111-4111-8111-111111111111';
const TRUE_REQUESTS: readonly Record<string, unknown>[] = [
  { verb: 'observe', oids: [OID], names: [{ oid: OID, name: 'alice' }] },
  { verb: 'create', oid: OID, name: 'alice', gecos: 'Alice' },
  { verb: 'lock', oid: OID },
  { verb: 'unlock', oid: OID },
  { verb: 'groups', oid: OID, groups: ['dev'] },
  { verb: 'sudo', oid: OID, granted: true },
  { verb: 'delete', oid: OID },
];
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  observe: ['oids', 'names'],
  create: ['oid', 'name', 'gecos'],
  lock: ['oid'],
  unlock: ['oid'],
  groups: ['oid', 'groups'],
  sudo: ['oid', 'granted'],
  delete: ['oid'],
};
const MAX_LINE_BYTES = 64 * 1024;

const line = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ nth: fc.nat(TRUE_REQUESTS.length - 1), id: fc.nat() })
      .map(({ nth, id }) => Buffer.from(JSON.stringify({ id, ...TRUE_REQUESTS[nth] }))),
  },
  {
    weight: 5,
    arbitrary: fc
      .record({
        nth: fc.nat(TRUE_REQUESTS.length - 1),
        id: fc.nat(),
        edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
      })
      .map(({ nth, id, edits }) => Buffer.from(mutate({ id, ...TRUE_REQUESTS[nth] }, edits).text)),
  },
  {
    weight: 2,
    arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10))),
  },
  { weight: 1, arbitrary: fc.integer({ min: -5, max: 5 }).map((more) => Buffer.alloc(MAX_LINE_BYTES + more, 'x')) },
);

const talk = fc.record({
  lines: fc.array(line, { maxLength: 30 }),
  /** Where the byte stream is cut into chunks. */
  cuts: fc.array(fc.nat(), { maxLength: 20 }),
  torn: fc.boolean(),
  /** The same line so many times: a flood. */
  flood: fc.constantFrom(0, 0, 0, 0, 600),
});

/** The account agent's side of its socket: interleaved, torn, oversized, flooding, mutated. */
export const agentProtocol: FuzzTarget = {
  name: 'agent-protocol',
  holds: 'does only what a whole and proper line asks, answers each line once, and ends',
  runs: 200,
  async open() {
    const check = checkOf(talk, async ({ lines, cuts, torn, flood }) => {
      const done: Record<string, unknown>[] = [];
      const all = [
        ...Array.from({ length: flood }, (_, id) => Buffer.from(`{"id":${id},"verb":"lock","oid":"${OID}"}`)),
        ...lines,
      ];
      const bytes = Buffer.concat(
        all.flatMap((text, index) => (torn && index === all.length - 1 ? [text] : [text, Buffer.from('\n')])),
      );
      const output = new PassThrough();
      let said = '';
      output.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });

      await converse({
        agent: async (request) => {
          done.push(request as unknown as Record<string, unknown>);
          await new Promise((resolve) => setImmediate(resolve));
          return null;
        },
        input: Readable.from(chunksOf(bytes, cuts)),
        output,
      });

      const replies = said
        .split('\n')
        .filter(Boolean)
        .map((text) => JSON.parse(text) as { id: unknown; ok: unknown });
      const oversized = all.findIndex((text) => text.length > MAX_LINE_BYTES);
      const read = all
        .slice(0, oversized === -1 ? (torn ? all.length - 1 : all.length) : oversized)
        .filter(({ length }) => length > 0);
      const answered = read.length + (oversized === -1 ? 0 : 1);
      must(replies.length === answered, 'not one reply for each line', replies.length, answered);
      for (const reply of replies)
        must(typeof reply.ok === 'boolean' && 'id' in reply, 'a reply of another shape', reply);
      must(done.length <= read.length, 'more was done than asked', done.length, read.length);
      for (const request of done) must(isProper(request), 'something improper was done', request);
      must(done.length === replies.filter(({ ok }) => ok).length, 'something was done and not told', done.length);
    });
    return { check, close: async () => undefined };
  },
};

/** The requests of docs and source, told once more: exactly the fields of the verb, each of its kind. */
function isProper(request: Record<string, unknown>): boolean {
  const { id, verb, ...rest } = request;
  const allowed = FIELDS[String(verb)];
  if (!Number.isSafeInteger(id) || Number(id) < 0 || !allowed) return false;
  return Object.entries(rest).every(([field, value]) => allowed.includes(field) && isOfKind(field, value));
}

function isOfKind(field: string, value: unknown): boolean {
  const isOid = (text: unknown) => typeof text === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
  const isText = (text: unknown) => typeof text === 'string' && text.length <= 1024;
  switch (field) {
    case 'oid':
      return isOid(value);
    case 'granted':
      return typeof value === 'boolean';
    case 'oids':
      return Array.isArray(value) && value.every(isOid);
    case 'groups':
      return Array.isArray(value) && value.every(isText);
    case 'names':
      return (
        Array.isArray(value) &&
        value.every((one) => isOid((one as { oid?: unknown }).oid) && isText((one as { name?: unknown }).name))
      );
    default:
      return isText(value);
  }
}

function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at]
    .map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))
    .filter(({ length }) => length > 0);
}
