// `npm run build`: dist/entramox.js with every npm dependency inside, and dist/accounts.js, which holds nothing but
// src/accounts, because it runs as root.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { foreignParts } from './lib/closed-bundle.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const SHEBANG = '#!/usr/bin/env node';
// Bundled CommonJS packages call require() for Node's own modules, which an ES module does not have.
const REQUIRE =
  "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);";

const bundles = [
  { entry: 'src/main.ts', out: 'dist/entramox.js', banner: `${SHEBANG}\n${REQUIRE}` },
  { entry: 'src/accounts/main.ts', out: 'dist/accounts.js', banner: SHEBANG, closedTo: 'src/accounts/' },
];

async function bundle({ entry, out, banner, closedTo }) {
  if (!existsSync(join(root, entry))) throw new Error(`${entry} does not exist, so ${out} cannot be built.`);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: out,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: { js: banner },
    define: { ENTRAMOX_VERSION: JSON.stringify(version) },
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'eof',
    metafile: true,
    logLevel: 'warning',
  });
  const foreign = closedTo ? foreignParts(metafile, closedTo) : [];
  if (foreign.length > 0) {
    rmSync(join(root, out), { force: true });
    throw new Error(`${out} runs as root and must hold ${closedTo} alone:\n  ${foreign.join('\n  ')}`);
  }
  chmodSync(join(root, out), 0o755);
  const { size } = statSync(join(root, out));
  const files = Object.keys(metafile.inputs).length;
  console.log(`${out.padEnd(18)} ${(size / 1024).toFixed(0).padStart(6)} KiB from ${files} files`);
}

mkdirSync(join(root, 'dist'), { recursive: true });
try {
  for (const each of bundles) await bundle(each);
  // An installation has no package.json above these files that would say what they are.
  writeFileSync(join(root, 'dist', 'package.json'), '{"type":"module"}\n');
} catch (error) {
  // esbuild prints its own findings; its exception only repeats them.
  console.error(
    `Build failed: ${error.errors ? `${error.errors.length} error(s) in the source, listed above` : error.message}`,
  );
  process.exitCode = 1;
}
