import { z } from 'zod';
import { parseGuid } from '../domain/identity.js';
import { LAKEFS_PERMISSIONS, type LakefsMapping } from '../domain/lakefs.js';
import { namesGroups, templateProblem } from '../domain/lakefs-name.js';
import { isPolicyName } from './types/lakefs.js';

export type ReadMapping = { ok: true; entries: LakefsMapping[] } | { ok: false; problems: string[] };

const GUID = 'must be the object id of an Entra group, a GUID';

const entrySchema = z
  .strictObject({
    group: z
      .string(GUID)
      .transform((text, context) => {
        const guid = parseGuid(text.trim());
        if (guid !== undefined) return guid;
        context.addIssue({ code: 'custom', message: GUID });
        return z.NEVER;
      })
      .optional(),
    filter: z.string().min(1, 'must be a shell pattern for display names, such as LakeFS*').optional(),
    name: z
      .string()
      .superRefine((template, context) => {
        const wrong = templateProblem(template);
        if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong });
      })
      .optional(),
    policies: z.array(z.string().refine(isPolicyName, 'must be names of policies')).optional(),
    acl: z.enum(LAKEFS_PERMISSIONS).optional(),
  })
  .superRefine(({ group, filter, name }, context) => {
    const wrong = (message: string) => context.addIssue({ code: 'custom', message });
    if ((group === undefined) === (filter === undefined)) wrong('needs either group or filter');
    if (filter !== undefined && name !== undefined && !namesGroups(name)) {
      wrong('a filter may match several groups, so its name needs {displayName} or {id}');
    }
  });

/**
 * Reads LAKEFS_MAPPING_FILE: a JSON array of entries with `group` (object id) or `filter` (shell pattern), and
 * optionally `name`, `policies` and `acl`. Tells everything that is wrong with it at once.
 */
export function parseMapping(text: string): ReadMapping {
  const json = parseJson(text);
  if (!json.ok) return { ok: false, problems: [`is no JSON (${json.why})`] };
  if (!Array.isArray(json.value)) return { ok: false, problems: ['must be a JSON array of entries'] };
  const problems: string[] = [];
  const read = json.value.map((raw: unknown, index): LakefsMapping | undefined => {
    const parsed = entrySchema.safeParse(raw);
    if (parsed.success) return mappingOf(parsed.data);
    problems.push(...parsed.error.issues.map((issue) => describeIssue(index, issue)));
    return undefined;
  });
  problems.push(...clashes(read));
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, entries: read.filter((entry) => entry !== undefined) };
}

function mappingOf({ group, filter, name, policies, acl }: z.output<typeof entrySchema>): LakefsMapping | undefined {
  const of = group !== undefined ? { group } : filter !== undefined ? { filter } : undefined;
  return of && { of, name, policies: policies && [...new Set(policies)].sort(), acl };
}

/** Two entries for one group, or for one lakeFS group. Which name a template gives is known only with the group. */
function clashes(entries: readonly (LakefsMapping | undefined)[]): string[] {
  return entries.flatMap((entry, index) => {
    if (!entry) return [];
    const earlier = (same: (other: LakefsMapping) => boolean) =>
      entries.slice(0, index).findIndex((other) => other !== undefined && same(other));
    const sameGroup = earlier((other) => keyOf(other) === keyOf(entry));
    if (sameGroup !== -1) return [`entry ${index + 1}: entry ${sameGroup + 1} is for the same ${kindOf(entry)}`];
    const { name } = entry;
    if (name === undefined || namesGroups(name)) return [];
    const sameName = earlier((other) => other.name === name);
    return sameName === -1
      ? []
      : [`entry ${index + 1}: entry ${sameName + 1} has the name ${JSON.stringify(name)} as well`];
  });
}

function keyOf({ of }: LakefsMapping): string {
  return 'group' in of ? `group ${of.group}` : `filter ${of.filter}`;
}

function kindOf({ of }: LakefsMapping): string {
  return 'group' in of ? `group ${of.group}` : `filter ${JSON.stringify(of.filter)}`;
}

function describeIssue(index: number, issue: z.core.$ZodIssue): string {
  const field = issue.path.length > 0 ? `, ${issue.path.join('.')}` : '';
  return `entry ${index + 1}${field}: ${issue.message}`;
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false; why: string } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, why: error.message };
    throw error;
  }
}
