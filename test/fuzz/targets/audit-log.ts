import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { storiesOf } from '../../../src/telemetry/audit/story.js';
import { verifyAudit } from '../../../src/telemetry/audit/verify.js';
import { openAudit } from '../../../src/telemetry/audit.js';
import { inFolder } from '../folder.js';
import { edit, mutate } from '../mutate.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const NOW = Date.UTC(2026, 10, 22, 9);
const OID = '11111111-1111-4111-8111-111111111111';

const harm = fc.oneof(
  fc.record({ kind: fc.constant('none' as const) }),
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), to: fc.nat(255) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('tail' as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({
    kind: fc.constant('line' as const),
    at: fc.nat(),
    edits: fc.array(edit, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ kind: fc.constant('drop' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('swap' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('all' as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
);
type Harm = typeof harm extends fc.Arbitrary<infer T> ? T : never;

const history = fc.record({
  words: fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 6 }),
  rotate: fc.constantFrom('no', 'plain', 'packed'),
  harm,
  head: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.uint8Array({ maxLength: 200 })),
});

/** The audit log and its head, harmed in any way and opened again. */
export const auditLog: FuzzTarget = {
  name: 'audit-log',
  holds: 'is always opened and only added to; harm to a record is found, before and after',
  runs: 150,
  async open() {
    const check = checkOf(history, (input) =>
      inFolder(async (folder) => {
        const path = join(folder, 'audit.ndjson');
        const headPath = join(folder, 'state', 'audit.head');
        const tell = (...words: string[]) => {
          const audit = openAudit(path, () => NOW, { headPath });
          for (const word of words) audit.append({ by: 'sweep', action: word, oid: OID, outcome: 'done' });
          audit.close();
        };
        tell(...input.words);
        if (input.rotate !== 'no') {
          renameSync(path, `${path}.1`);
          if (input.rotate === 'packed') {
            writeFileSync(`${path}.1.gz`, gzipSync(readFileSync(`${path}.1`)));
            renameSync(`${path}.1`, join(folder, 'gone'));
          }
          tell('after');
        }
        const harmed = harmFile(path, input.harm);
        if (input.head) {
          mkdirSync(join(folder, 'state'), { recursive: true });
          writeFileSync(headPath, input.head);
        }
        const before = readFileSync(path);
        const first = await verifyAudit(path, { headPath });
        await storiesOf(path, OID);

        tell('last');

        const second = await verifyAudit(path, { headPath });
        const after = readFileSync(path);
        must(after.subarray(0, before.length).equals(before), 'what stood there was changed');
        must(after.toString().includes('"action":"last"'), 'a record was lost');
        must(existsSync(headPath), 'no head was kept');
        if (harmed || input.head) must(first.findings.length > 0, 'harm was not found', input.harm);
        // A torn line is closed off, and a lost head is made anew: both are explained then.
        if (harmed && input.harm.kind !== 'tail' && input.harm.kind !== 'cut') {
          const told = [...second.findings, ...(input.head ? second.notes : [])];
          must(told.length > 0, 'harm was forgotten', input.harm);
        }
        if (!harmed && !input.head) must(second.findings.length === 0, 'a whole log is called broken', second.findings);
      }),
    );
    return { check, close: async () => undefined };
  },
};

/** Whether the file is another one afterwards. */
function harmFile(path: string, what: Harm): boolean {
  const bytes = readFileSync(path);
  const lines = bytes.toString().split('\n').slice(0, -1);
  const write = (next: Buffer | string): boolean => {
    writeFileSync(path, next);
    return !readFileSync(path).equals(bytes);
  };
  const join = (next: readonly string[]) => write(next.map((line) => `${line}\n`).join(''));
  switch (what.kind) {
    case 'none':
      return false;
    case 'byte': {
      const next = Buffer.from(bytes);
      next[what.at % next.length] = what.to;
      return write(next);
    }
    case 'cut':
      return write(bytes.subarray(0, what.at % bytes.length));
    case 'tail':
      return write(Buffer.concat([bytes, what.bytes]));
    case 'line': {
      const at = what.at % lines.length;
      return join(lines.with(at, mutate(JSON.parse(String(lines[at])), what.edits).text));
    }
    case 'drop':
      return join(lines.toSpliced(what.at % lines.length, 1));
    case 'swap': {
      const [a, b] = [what.at % lines.length, (what.at + 1) % lines.length];
      return join(lines.with(a, String(lines[b])).with(b, String(lines[a])));
    }
    case 'all':
      return write(Buffer.from(what.bytes));
    default:
      return what satisfies never;
  }
}
