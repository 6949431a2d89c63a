import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseEnvFile } from '../../../src/config/env-file.js';
import { loadSettings } from '../../../src/config/load.js';
import { ConfigError } from '../../../src/config/problem.js';
import { settingNames } from '../../../src/config/schema/index.js';
import { inFolder } from '../folder.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const SECRET = 'Zx9-the-secret-that-nobody-may-see';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(
      fc.tuple(
        fc.oneof(fc.constantFrom(...settingNames), fc.string({ maxLength: 10 })),
        fc.constantFrom('=', ' = ', '==', ' ', '=\\\n'),
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 40 }),
          fc.constantFrom(
            '"',
            "'",
            '"a\\',
            'true',
            '1d',
            '-1',
            '99999999999999999999',
            '/dev/zero',
            '[]',
            '\\',
            '$(id)',
          ),
        ),
      ),
      { maxLength: 12 },
    )
    .map((lines) => lines.map((parts) => parts.join('')).join('\n')),
);

/** Configuration files of any content, through the parser and through the whole of loading. */
export const environment: FuzzTarget = {
  name: 'environment',
  holds: 'is understood or refused with every problem named, in bounded time, never with a secret in the words',
  runs: 150,
  async open() {
    const check = checkOf(text, (content) =>
      inFolder(async (folder) => {
        const { assignments, problems } = parseEnvFile(content);
        const lines = content.split(/\r\n|\n|\r/).length;
        for (const { line } of [...assignments, ...problems])
          must(line >= 1 && line <= lines, 'a line that is not there', line);

        const file = join(folder, 'entramox.env');
        writeFileSync(file, `${content}\nENTRA_CLIENT_SECRET='${SECRET}'\n`, { mode: 0o600 });
        try {
          loadSettings({ configFile: file, env: {}, command: content.length % 2 === 0 ? 'reconcile' : 'run' });
        } catch (error) {
          must(error instanceof ConfigError, 'an error of another kind', String(error));
          must(error.problems.length > 0, 'refused without a reason', error.message);
          must(!error.message.includes(SECRET), 'the words hold a secret', error.message);
        }
      }),
    );
    return { check, close: async () => undefined };
  },
};
