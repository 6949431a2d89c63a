import { messageOf } from '../../domain/errors.js';
import type { LakefsMapping } from '../../domain/lakefs.js';
import { distrustOfFile } from '../file-trust.js';
import { parseMapping } from '../lakefs-mapping.js';
import type { SettingName, Values } from '../schema/index.js';
import type { LakefsGroupSource } from '../schema/lakefs.js';
import { readSmallFile } from '../small-file.js';
import type { RuleContext } from './context.js';

/** Where lakeFS's groups come from: what is said, or what follows from the settings that are given. */
export function lakefsSourceOf(values: Partial<Values>, isGiven: (name: SettingName) => boolean): LakefsGroupSource {
  if (values.LAKEFS_GROUP_SOURCE !== undefined) return values.LAKEFS_GROUP_SOURCE;
  if ((values.LAKEFS_GROUP_IDS?.length ?? 0) > 0) return 'ids';
  return values.LAKEFS_MAPPING_FILE !== undefined && !isGiven('GROUP_FILTER') ? 'mapping-file' : 'filter';
}

/** What the lakefs target cannot do without, and what is set in vain. The entries of the mapping file, as read. */
export function lakefsRules(context: RuleContext): readonly LakefsMapping[] {
  const { values, needs, targets, isGiven, problem } = context;
  if (!targets.includes('lakefs')) {
    ignored(context);
    return [];
  }
  const mapping = needs.graph ? mappingOf(context) : [];
  if (!needs.targets && !needs.scope) return mapping;
  const since = 'since lakefs is among TARGETS';
  if (needs.targets) {
    if (!isGiven('LAKEFS_ENDPOINT')) problem('LAKEFS_ENDPOINT', `the address of lakeFS, ${since}`);
    if (!isGiven('LAKEFS_ACCESS_KEY_ID')) problem('LAKEFS_ACCESS_KEY_ID', `an access key id of lakeFS, ${since}`);
    if (!isGiven('LAKEFS_SECRET_ACCESS_KEY')) problem('LAKEFS_SECRET_ACCESS_KEY', `its secret access key, ${since}`);
  }
  if (values.GRAPH_ENFORCE === false) {
    problem('GRAPH_ENFORCE', `true, ${since}: its groups are those of Entra, and nothing else tells of them`);
  }
  sourceRules(context, lakefsSourceOf(values, isGiven));
  patternRule(context, mapping);
  memberRules(context);
  modeRules(context);
  return mapping;
}

function sourceRules(context: RuleContext, source: LakefsGroupSource): void {
  const { values, isGiven, isFailed, problem, notice } = context;
  if (source === 'ids' && !isFailed('LAKEFS_GROUP_IDS') && (values.LAKEFS_GROUP_IDS?.length ?? 0) === 0) {
    problem('LAKEFS_GROUP_IDS', 'at least one group, since LAKEFS_GROUP_SOURCE is ids');
  }
  if (source === 'mapping-file' && !isGiven('LAKEFS_MAPPING_FILE')) {
    problem('LAKEFS_MAPPING_FILE', 'a file, since LAKEFS_GROUP_SOURCE is mapping-file');
  }
  if (source !== 'ids' && (values.LAKEFS_GROUP_IDS?.length ?? 0) > 0) {
    notice('ignored', 'LAKEFS_GROUP_IDS', `LAKEFS_GROUP_IDS is ignored, since LAKEFS_GROUP_SOURCE is ${source}.`);
  }
  if (source !== 'filter' && isGiven('GROUP_FILTER')) {
    notice('ignored', 'GROUP_FILTER', `GROUP_FILTER is ignored, since LAKEFS_GROUP_SOURCE is ${source}.`);
  }
  if (source === 'filter') {
    notice(
      'insecure',
      'GROUP_FILTER',
      'lakeFS gets every group whose name matches GROUP_FILTER, and whoever may make a group in Entra chooses its name: LAKEFS_GROUP_SOURCE=app-assignments or LAKEFS_GROUP_IDS names groups that nobody can imitate.',
    );
  }
}

/** Whoever is made must be found by it afterwards: else the next pass makes them again, and again. */
function memberRules({ values, problem }: RuleContext): void {
  const { LAKEFS_MISSING_USERS: missing, LAKEFS_MEMBER_MATCH: ways = [], LAKEFS_MODE: mode } = values;
  if (mode === 'policies-only' || ways.length === 0) return;
  if (missing === 'create' && !ways.some(({ field }) => field === 'id')) {
    const why = 'since LAKEFS_MISSING_USERS=create makes users that have nothing but an id';
    problem('LAKEFS_MEMBER_MATCH', `a way that is about ids among them, such as id:{upn}, ${why}`);
  }
  // An invited user's id and address are the mail address in lower case, and ids are compared as they are.
  if (missing === 'invite' && !ways.some(({ field, template }) => field === 'email' && template === '{mail}')) {
    problem(
      'LAKEFS_MEMBER_MATCH',
      'email among them, since LAKEFS_MISSING_USERS=invite makes users that have an address',
    );
  }
}

/** What a mode leaves to others, and somebody set all the same. */
function modeRules({ values, isGiven, notice }: RuleContext): void {
  const mode = values.LAKEFS_MODE;
  const idle: readonly SettingName[] =
    mode === 'policies-only'
      ? ['LAKEFS_MISSING_USERS', 'LAKEFS_MEMBER_MATCH']
      : mode === 'members-only'
        ? ['LAKEFS_DEFAULT_POLICIES', 'LAKEFS_DEFAULT_ACL']
        : [];
  for (const name of idle.filter(isGiven)) {
    notice('ignored', name, `${name} is ignored, since LAKEFS_MODE is ${mode}.`);
  }
}

function patternRule({ notice }: RuleContext, mapping: readonly LakefsMapping[]): void {
  const patterns = mapping.flatMap(({ of }) => ('filter' in of ? [JSON.stringify(of.filter)] : []));
  const [pattern] = patterns;
  if (pattern === undefined) return;
  const more = patterns.length > 1 ? ` (and ${patterns.length - 1} more)` : '';
  notice(
    'insecure',
    'LAKEFS_MAPPING_FILE',
    `Whoever may make or rename a group in Entra can give it a name that matches ${pattern}${more} in LAKEFS_MAPPING_FILE, and the policies of that entry with it: entries with "group" name groups that nobody can imitate.`,
  );
}

const MAX_MAPPING_BYTES = 1024 * 1024;

function mappingOf(context: RuleContext): readonly LakefsMapping[] {
  const path = context.values.LAKEFS_MAPPING_FILE;
  if (path === undefined) return [];
  const read = readMapping(path);
  if (read.ok) return read.entries;
  for (const problem of read.problems)
    context.problem('LAKEFS_MAPPING_FILE', `a mapping file without this: ${problem}`);
  return [];
}

function readMapping(path: string): ReturnType<typeof parseMapping> {
  try {
    const distrust = distrustOfFile(path);
    // It decides who gets which policy.
    if (distrust) return { ok: false, problems: [`somebody else can change it: ${distrust.why} (${distrust.mend})`] };
    return parseMapping(readSmallFile(path, MAX_MAPPING_BYTES));
  } catch (error) {
    return { ok: false, problems: [`it cannot be read (${messageOf(error)})`] };
  }
}

const LAKEFS_NAMES = [
  'LAKEFS_ACCESS_KEY_ID',
  'LAKEFS_SECRET_ACCESS_KEY',
  'LAKEFS_GROUP_SOURCE',
  'LAKEFS_GROUP_IDS',
  'LAKEFS_MAPPING_FILE',
  'GROUP_FILTER',
  'LAKEFS_DEFAULT_POLICIES',
] as const;

function ignored({ values, isGiven, notice }: RuleContext): void {
  const given = LAKEFS_NAMES.filter(isGiven);
  if (isGiven('LAKEFS_ENDPOINT') && values.TARGETS !== undefined) {
    notice(
      'incomplete',
      'LAKEFS_ENDPOINT',
      'LAKEFS_ENDPOINT is set, but lakefs is not among TARGETS: it is left alone.',
    );
  } else if (given[0] !== undefined && values.TARGETS === undefined) {
    const are = given.length === 1 ? 'is' : 'are';
    notice(
      'ignored',
      given[0],
      `${given.join(', ')} ${are} ignored: LAKEFS_ENDPOINT, which turns lakeFS on, is not set.`,
    );
  }
}
