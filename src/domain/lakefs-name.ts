import { LAKEFS_BUILT_IN_GROUPS } from './lakefs.js';

const PLACEHOLDER = /\{([^{}]*)\}/g;
/**
 * Control characters, halves of characters, line ends, and what has no width or turns the text around; but for the
 * joiners and variants without which some languages and symbols cannot be written.
 */
const NOT_IN_A_NAME =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?!\u200C|\u200D|\uFE0E|\uFE0F)[\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu;
const LONGEST = 256;

/** What a template for the name of a lakeFS group may hold. */
export interface NameParts {
  displayName: string;
  /** The Entra group's object id. */
  id: string;
}

/** The name that a template makes; other braces stay as they are. */
export function fillName(template: string, parts: NameParts): string {
  return template.replaceAll(PLACEHOLDER, (whole, name: string) =>
    name === 'displayName' || name === 'id' ? parts[name] : whole,
  );
}

/** Whether a template makes another name for every group, or at least may. */
export function namesGroups(template: string): boolean {
  return /\{(?:displayName|id)\}/.test(template);
}

/** Why lakeFS cannot or must not have a group of this name; undefined where it may. */
export function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'is empty';
  if (name !== name.trim()) return 'begins or ends with a space';
  if (name.length > LONGEST) return `is longer than ${LONGEST} characters`;
  // lakeFS: "Group name cannot contain '%'".
  if (name.includes('%')) return 'holds a %, which lakeFS does not take';
  if (NOT_IN_A_NAME.test(name)) return 'holds characters that cannot be seen';
  // As a segment of a path these lead somewhere else.
  if (name === '.' || name === '..') return 'cannot stand in the path of a call';
  const likeness = likenessOf(name);
  const builtIn = LAKEFS_BUILT_IN_GROUPS.find((known) => likenessOf(known) === likeness);
  return builtIn === undefined ? undefined : `is that of lakeFS's own group ${builtIn}`;
}

/**
 * What names have in common that people take for one: upper and lower case, the several spellings of one character and
 * what cannot be seen aside. Two groups whose names are alike would be taken for each other.
 */
export function likenessOf(name: string): string {
  // Twice, since what is folded may be composed again.
  const folded = name.normalize('NFKC').toLowerCase().replaceAll(UNSEEN, '').normalize('NFKC');
  return folded.replaceAll(/\s+/g, ' ').trim();
}

/** Why a template is wrong for every group; undefined where it is not. */
export function templateProblem(template: string): string | undefined {
  const unknown = [...template.matchAll(PLACEHOLDER)].find(([, name]) => name !== 'displayName' && name !== 'id');
  if (unknown) return `knows {displayName} and {id}, not ${unknown[0]}`;
  return nameProblem(fillName(template, { displayName: 'x', id: 'x' }));
}
