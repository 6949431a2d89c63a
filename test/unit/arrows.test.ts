import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type SourceFile, violations } from './arrows.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the import arrows of this repository', () => {
  it('are kept by every file', () => {
    const files = [...sourcesBelow('src'), ...sourcesBelow('test/simulators')];

    const found = violations(files);

    expect(files.length).toBeGreaterThan(10);
    expect(found).toEqual([]);
  });
});

describe('the check of import arrows', () => {
  it.each<[string, string, string]>([
    ['src/domain/a.ts', "import { z } from 'zod';", 'domain'],
    ['src/domain/a.ts', "import { join } from 'node:path';", 'node:path'],
    ['src/domain/a.ts', "import type { Log } from '../telemetry/log.js';", 'telemetry'],
    ['src/domain/a.ts', "export * from '../queue/queue.js';", 'queue'],
    ['src/domain/a.ts', "const now = typeof (await import('../config/load.js'));", 'config'],
    ['src/domain/a.ts', "type Log = import('../telemetry/log.js').Log;", 'telemetry'],
    ['src/domain/a.ts', "import {\n  one,\n  two,\n} from '../entra/both.js';", 'entra'],
    ['src/domain/a.ts', "import '../entra/effect.js';", 'entra'],
    ['src/domain/a.ts', "const z = require('zod');", 'zod'],
    ['src/accounts/a.ts', "import { messageOf } from '../domain/errors.js';", 'domain'],
    ['src/accounts/a.ts', "import { z } from 'zod';", 'zod'],
    ['src/accounts/a.ts', "import { join } from 'path';", 'path'],
    ['src/telemetry/a.ts', "import { load } from '../config/load.js';", 'config'],
    ['src/entra/a.ts', "import { plan } from '../reconcile/sweep.js';", 'reconcile'],
    ['src/targets/linux/a.ts', "import { api } from '../proxmox/api.js';", 'targets/proxmox'],
    ['src/targets/linux/a.ts', "import { lock } from '../../accounts/lock.js';", 'accounts'],
    ['src/listener/a.ts', "import { sweep } from '../reconcile/sweep.js';", 'reconcile'],
    ['src/listener/a.ts', "import { ledger } from '../ledger/store.js';", 'ledger'],
    ['src/reconcile/a.ts', "import { run } from '../commands/run.js';", 'commands'],
    ['src/reconcile/a.ts', "import { status } from '../operator/status.js';", 'operator'],
    ['src/commands/a.ts', "import { main } from '../main.js';", 'main'],
    ['src/config/a.ts', "import '../accounts/main.js';", 'accounts/main.ts'],
    ['test/simulators/a.ts', "import { parseGuid } from '../../src/domain/identity.js';", 'src'],
    ['src/entra/a.ts', 'const home = process.env.HOME;', 'process.env'],
    ['src/entra/a.ts', "const home = process['env'].HOME;", 'process.env'],
    ['src/entra/a.ts', 'const { env } = process;', 'process.env'],
    ['src/entra/a.ts', 'const home = `in $' + '{process.env.HOME}`;', 'process.env'],
    ['src/entra/a.ts', "import { env } from 'node:process';", 'process.env'],
    ['src/accounts/policy.ts', 'const home = process.env.HOME;', 'process.env'],
    ['src/entra/a.ts', 'const it = await import(name);', 'computed'],
    ['src/novel/a.ts', 'export const a = 1;', 'novel'],
  ])('finds in %s that it may not hold: %s', (path, text, named) => {
    const found = violations([{ path, text }]);

    expect(found).toHaveLength(1);
    expect(found[0]).toContain(path);
    expect(found[0]).toContain(named);
  });

  it.each<[string, string]>([
    ['src/domain/a.ts', "import { parseGuid } from './identity.js';"],
    [
      'src/domain/a.ts',
      "// import { z } from 'zod';\n/* process.env\nimport 'zod'; */\nexport const text = 'process.env';",
    ],
    ['src/domain/a.ts', "export const url = 'https://example.com'; // import 'zod'"],
    ['src/accounts/a.ts', "import { join } from 'node:path';\nimport { verbs } from './protocol.js';"],
    ['src/accounts/main.ts', 'const home = process.env.HOME;'],
    ['src/config/load.ts', 'const home = process.env.HOME;'],
    [
      'src/targets/linux/a.ts',
      "import type { Step } from '../../domain/step.js';\nimport { helper } from './helper.js';",
    ],
    ['src/targets/linux/a.ts', "import type { Request } from '../../accounts/protocol.js';"],
    ['src/listener/a.ts', "import type { HintSink } from '../queue/queue.js';\nimport express from 'express';"],
    ['src/commands/a.ts', "import { sweep } from '../reconcile/sweep.js';\nimport { load } from '../config/load.js';"],
    ['src/main.ts', "import { runCommand } from './commands/run.js';"],
    ['test/simulators/graph/a.ts', "import { createTestAuthority } from '../tls.js';\nimport express from 'express';"],
  ])('lets %s hold: %s', (path, text) => {
    const found = violations([{ path, text }]);

    expect(found).toEqual([]);
  });
});

function sourcesBelow(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(ROOT, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }));
}
