import type { LakefsSettings } from '../../config/settings.js';
import type { LakefsSelection, LakefsWanted } from '../../domain/lakefs.js';
import type { LakefsView } from '../../operator/lakefs.js';
import { groupMarkedIn } from '../../targets/lakefs/marks.js';
import { findGroup } from '../../targets/lakefs/observe.js';
import type { LakefsGroup } from '../../targets/lakefs/schema.js';
import { type Check, fine, remark, wrong } from './check.js';

const NAME = 'lakefs.managed';
/** So many are named. */
const NAMED = 5;

export interface ManagedPorts {
  settings: Pick<LakefsSettings, 'mode' | 'adoptGroupIds'>;
  selection: Extract<LakefsSelection, { certainty: 'complete' }>;
  /** All groups of lakeFS. */
  groups: readonly LakefsGroup[];
  /** What the running reconciler remembers; undefined where it does not tell. */
  view: LakefsView | undefined;
}

/** Each wanted group in lakeFS: there with our mark, still to be made, or in the way; and marks that nobody wants. */
export function checkManaged(ports: ManagedPorts): Check[] {
  const { settings, selection } = ports;
  const findings = selection.wanted.map((wanted) => ({ wanted, found: findingOf(ports, wanted) }));
  const foreign = findings.flatMap(({ found }) => (found.certainty === 'foreign' ? [found] : []));
  const missing = findings.flatMap(({ wanted, found }) => (found.certainty === 'absent' ? [wanted.lakefsName] : []));
  const there = findings.length - foreign.length - missing.length;
  const counted = `${there} of ${findings.length} wanted groups are there`;
  const by = settings.mode === 'policies-only' ? 'their names or our mark' : 'our mark';
  const later = remark(NAME, `${counted}; not yet ${named(missing)}`, mendMissing(settings));
  return [
    ...foreign.slice(0, 1).map(({ what, remedy }) => wrong(NAME, `${what}${more(foreign.length - 1)}`, remedy)),
    ...leftOver(ports),
    ...(missing.length > 0 ? [later] : []),
    ...(there === findings.length ? [fine(NAME, `${counted}, by ${by}`)] : []),
  ];
}

function findingOf({ settings, groups, view }: ManagedPorts, { groupId, lakefsName }: LakefsWanted) {
  const known = view?.groups.find(({ group, origin }) => group === groupId && origin !== 'made');
  const takes =
    settings.mode === 'policies-only' ? 'found' : settings.adoptGroupIds.includes(groupId) ? 'adopted' : undefined;
  // One without a mark is known by its name alone, and keeps that when its Entra group gets another.
  const name = known?.name ?? lakefsName;
  return findGroup(groups, { groupId, name, entry: undefined, takes: takes ?? givenBefore(known) });
}

/** How a group without our mark became ours, by what the reconciler remembers. */
function givenBefore(known: LakefsView['groups'][number] | undefined): 'adopted' | 'found' | undefined {
  return known === undefined || known.origin === 'made' ? undefined : known.origin;
}

/** Marked groups that are neither wanted nor on their way out: the reconciler that made them is gone, or forgot. */
function leftOver({ selection, groups, view }: ManagedPorts): Check[] {
  const meant = new Set([...selection.wanted, ...selection.conflicts].map(({ groupId }) => groupId));
  const ending = new Set((view?.groups ?? []).flatMap(({ group, ends }) => (ends ? [group] : [])));
  const left = groups.filter(({ description }) => {
    const of = groupMarkedIn(description);
    return of !== undefined && !meant.has(of) && !ending.has(of);
  });
  if (left.length === 0) return [];
  const names = named(left.map(({ name }) => name));
  const saw = `our mark is on groups whose Entra group is not selected, or gone: ${names}`;
  return [
    remark(
      NAME,
      saw,
      'entramox status shows which ones end; whatever it does not name is left alone: delete it by hand',
    ),
  ];
}

function mendMissing({ mode }: ManagedPorts['settings']): string {
  return mode === 'policies-only' ? 'have them made by SCIM, or by hand' : 'the next sweep makes them: entramox sweep';
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).map((name) => JSON.stringify(name));
  return `${shown.join(', ')}${more(names.length - NAMED)}`;
}

function more(count: number): string {
  return count > 0 ? ` (and ${count} more)` : '';
}
