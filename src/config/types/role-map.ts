import { z } from 'zod';
import { parseGuid } from '../../domain/identity.js';
import { type ValueType, valueType } from '../value-type.js';
import { isUnixGroup } from './lists.js';
import { isAclPath, isRoleOrGroup } from './proxmox.js';

/** What members of one Entra group get. Groups without a role are in scope and get nothing more. */
export interface RoleMapping {
  group: string;
  pveRole?: string | undefined;
  /** Name of the PVE group that carries the role; made from the role where it is missing. */
  pveGroup?: string | undefined;
  /** Where in the tree of Proxmox the role counts; `/` where it is missing. */
  path?: string | undefined;
  sudo: boolean;
  linuxGroups: readonly string[];
}

const FORM =
  'a JSON array such as [{"group":"<GUID>","pve_role":"PVEAdmin"}] with group, and optionally pve_role, pve_group, path, sudo (true or false) and linux_groups (an array); or an object {"<GUID>":"<role>"}';

/** The predecessor wrote an empty role for none. */
const pveName = z
  .string()
  .trim()
  .refine((text) => text === '' || isRoleOrGroup(text), 'must be letters, digits, . _ -')
  .transform((text) => text || undefined);

const entrySchema = z
  .strictObject({
    group: z.string('must be the object id of an Entra group, a GUID').transform((text, context) => {
      const guid = parseGuid(text.trim());
      if (guid !== undefined) return guid;
      context.addIssue({ code: 'custom', message: 'must be the object id of an Entra group, a GUID' });
      return z.NEVER;
    }),
    pve_role: pveName.optional(),
    pve_group: pveName.optional(),
    path: z.string().refine(isAclPath, 'must be a path of Proxmox such as / or /pool/lab').optional(),
    sudo: z.boolean('must be true or false, without quotes').default(false),
    linux_groups: z.array(z.string().refine(isUnixGroup, 'must be names of Unix groups')).default([]),
  })
  .refine((entry) => entry.path === undefined || entry.pve_role !== undefined, 'path needs a pve_role')
  .transform(
    (entry): RoleMapping => ({
      group: entry.group,
      pveRole: entry.pve_role,
      pveGroup: entry.pve_group,
      path: entry.path,
      sudo: entry.sudo,
      linuxGroups: [...new Set(entry.linux_groups)],
    }),
  );

/** ENTRA_ROLE_MAP in the predecessor's array form, or as an object from group to role. Nothing is guessed. */
export function roleMap(): ValueType<readonly RoleMapping[]> {
  return valueType(FORM, (text, wrong) => {
    const raw = asEntries(text);
    if (raw === undefined) return wrong();
    const parsed = z.array(entrySchema).safeParse(raw);
    if (!parsed.success) return wrong(`${FORM}; ${parsed.error.issues.slice(0, 5).map(describeIssue).join('; ')}`);
    const repeated = parsed.data.findIndex((entry, index) => parsed.data.findIndex(isSame(entry)) < index);
    return repeated === -1 ? parsed.data : wrong(`${FORM}; entry ${repeated + 1} repeats an earlier one`);
  });
}

function asEntries(text: string): unknown[] | undefined {
  if (text === '') return [];
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (Array.isArray(json)) return json;
  if (typeof json !== 'object' || json === null) return undefined;
  return Object.entries(json).map(([group, pve_role]) => ({ group, pve_role }));
}

function isSame(wanted: RoleMapping): (entry: RoleMapping) => boolean {
  return (entry) =>
    entry.group === wanted.group && entry.pveRole === wanted.pveRole && (entry.path ?? '/') === (wanted.path ?? '/');
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const [index, ...field] = issue.path;
  const where = typeof index === 'number' ? `entry ${index + 1}` : 'the list';
  return `${where}${field.length > 0 ? `, ${field.join('.')}` : ''}: ${issue.message}`;
}
