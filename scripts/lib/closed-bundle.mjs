import { isBuiltin } from 'node:module';

/**
 * What a bundle holds or asks for beyond its own folder and the `node:` modules; empty where it is closed.
 *
 * @param {import('esbuild').Metafile} metafile of a build of that bundle alone
 * @param {string} folder its own folder below the root, with a slash at the end
 * @returns {string[]} one line for each finding
 */
export function foreignParts(metafile, folder) {
  const foreignFiles = Object.keys(metafile.inputs)
    .filter((file) => !file.startsWith(folder))
    .map((file) => `${file} is bundled, but lies outside ${folder}`);
  const foreignImports = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ path, external }) => external && !(path.startsWith('node:') && isBuiltin(path)))
    .map(({ path }) => `${path} is imported, but is not a node: module`);
  return [...foreignFiles, ...new Set(foreignImports)];
}
