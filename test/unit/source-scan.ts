/** What one TypeScript file asks for, found in its text without compiling it. */
export interface Scan {
  /** Every module named in an import, a re-export, an import type, or a require. */
  specifiers: string[];
  /** Imports whose module is an expression, so that nobody can tell what they import. */
  computedImports: number;
  readsEnvironment: boolean;
}

/** A comment, a string, or a template without what it interpolates; strings are tried first where they start first. */
const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
const MARK = '\u0001';

/** Finds the imports of a file and whether it reads the environment. Comments and the insides of strings do not count. */
export function scan(text: string): Scan {
  const strings: string[] = [];
  const code = text.replaceAll(TOKEN, (token) => {
    if (token.startsWith('/')) return ' ';
    strings.push(token.slice(1, -1));
    // What a template interpolates is code again.
    const interpolated = token.startsWith('`') ? [...token.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]) : [];
    return [`${MARK}${strings.length - 1}${MARK}`, ...interpolated].join(' ');
  });
  const literal = `${MARK}(\\d+)${MARK}`;
  const fromClause = new RegExp(`\\b(?:import|export)\\b[^;${MARK}=(]*?\\bfrom\\s*${literal}`, 'g');
  const bare = new RegExp(`\\bimport\\s*${literal}`, 'g');
  const called = new RegExp(`\\b(?:import|require)\\s*\\(\\s*${literal}`, 'g');
  const computed = new RegExp(`\\bimport\\s*\\((?!\\s*${literal})`, 'g');
  const specifiers = [fromClause, bare, called]
    .flatMap((pattern) => [...code.matchAll(pattern)])
    .map((match) => strings[Number(match[1])] ?? '');
  return {
    specifiers,
    computedImports: [...code.matchAll(computed)].length,
    readsEnvironment: readsEnvironment(code, strings, literal),
  };
}

function readsEnvironment(code: string, strings: readonly string[], literal: string): boolean {
  const byKey = [...code.matchAll(new RegExp(`\\bprocess\\s*(?:\\?\\.)?\\[\\s*${literal}`, 'g'))];
  return (
    /\bprocess\s*\??\.\s*env\b/.test(code) ||
    byKey.some((match) => strings[Number(match[1])] === 'env') ||
    /\{[^{}]*\benv\b[^{}]*\}\s*=\s*process\b(?!\s*\.)/.test(code) ||
    [...code.matchAll(new RegExp(`\\bimport\\b[^;]*?\\{[^}]*\\benv\\b[^}]*\\}\\s*from\\s*${literal}`, 'g'))].some(
      (match) => /^(node:)?process$/.test(strings[Number(match[1])] ?? ''),
    )
  );
}
