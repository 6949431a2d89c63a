import fc from 'fast-check';
import { parseDotenv } from '../../../src/config/dotenv-file.js';
import { parseMapping } from '../../../src/config/lakefs-mapping.js';
import { parseGuid } from '../../../src/domain/identity.js';
import { fillName, nameProblem, namesGroups } from '../../../src/domain/lakefs-name.js';
import { matcherOf } from '../../../src/targets/lakefs/fnmatch.js';
import { edit, mutate } from '../mutate.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const GUID = '6f9c0000-0000-4000-8000-000000000001';
const TRUTH = [
  { group: GUID, name: 'data-platform', policies: ['FSReadWriteAll', 'AuthManageOwnCredentials'] },
  { filter: 'Lake*', name: 'entra {displayName}', policies: ['FSReadAll'], acl: 'Read' },
  { filter: 'Data[!x]?', policies: [] },
];
const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(GUID, 'Admins', '{displayName}', '{id}', '{x}', '%', '*', '[', '[!a-z]', 'Read', '..', ''),
);
const entry = fc.oneof(
  fc.dictionary(fc.constantFrom('group', 'filter', 'name', 'policies', 'acl', 'more'), fc.oneof(word, fc.array(word))),
  fc.jsonValue(),
);
const text = fc.oneof(
  { weight: 3, arbitrary: fc.array(edit, { maxLength: 3 }).map((edits) => mutate(TRUTH, edits).text) },
  fc.array(entry, { maxLength: 5 }).map((entries) => JSON.stringify(entries)),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(fc.constantFrom('A', '=', ' ', '"', "'", '#', '\\', `\${A}`, `\${A:-`, '}', '\n', '\r', 'export '), {
      maxLength: 60,
    })
    .map((pieces) => pieces.join('')),
);

/** The mapping file of lakeFS and a `.env`, of any content. */
export const lakefsFiles: FuzzTarget = {
  name: 'lakefs-files',
  holds:
    'is understood or refused with its problems named, and no accepted entry makes a name that lakeFS must not have, or one for several groups',
  runs: 300,
  async open() {
    const check = checkOf(text, async (content) => {
      const lines = content.split(/\r\n|\n|\r/).length;
      const { assignments, problems } = parseDotenv(content);
      for (const { line } of [...assignments, ...problems]) {
        must(line >= 1 && line <= lines, 'a line that is not there', line);
      }
      const read = parseMapping(content);
      if (!read.ok) {
        must(read.problems.length > 0, 'refused without a reason');
        return;
      }
      for (const { of, name, policies = [] } of read.entries) {
        if ('filter' in of) {
          matcherOf(of.filter)('LakeFSProject');
          must(name === undefined || namesGroups(name), 'one name for all that a pattern matches', name);
        } else {
          must(parseGuid(of.group) === of.group, 'an odd object id', of);
        }
        must(
          policies.every((policy) => !/[%\p{Cc}]/u.test(policy) && policy !== ''),
          'an odd policy',
          policies,
        );
        const made = fillName(name ?? '{displayName}', { displayName: 'x', id: 'x' });
        must(nameProblem(made) === undefined, 'a name that is none', made);
      }
    });
    return { check, close: async () => undefined };
  },
};
