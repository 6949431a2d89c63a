import type { LakefsGroupView, LakefsView } from '../../operator/lakefs.js';
import { plainTable } from './plain-table.js';
import { ago } from './words.js';

/** So many are named; the JSON has more. */
const SHOWN = 40;

/** What a person must settle, or what fails, in lakeFS. */
export function lakefsAlarms(view: LakefsView): string[] {
  const groups = view.groups.flatMap(({ displayName, conflict, problem }) => [
    ...(conflict ? [`lakeFS group ${displayName}: ${conflict.what}. ${conflict.remedy}`] : []),
    ...(problem ? [`lakeFS group ${displayName} fails: ${problem}`] : []),
  ]);
  const people = view.people.flatMap(({ upn, conflict, problem }) => [
    ...(conflict ? [`${upn} on lakefs: ${conflict.what}. ${conflict.remedy}`] : []),
    ...(problem ? [`${upn} fails on lakefs: ${problem}`] : []),
  ]);
  const unmade = view.conflicts.map(
    ({ displayName, what, remedy }) => `conflict over the lakeFS group ${displayName}: ${what}. ${remedy}`,
  );
  return [...unmade, ...groups, ...people];
}

/** The groups in lakeFS, and who waits for a user there. */
export function renderLakefs(view: LakefsView, now: number): string[] {
  const table = plainTable();
  for (const group of view.groups.slice(0, SHOWN)) table.push(groupRow(group, now));
  const more = view.groups.length - SHOWN;
  const lines = view.groups.length === 0 ? ['lakeFS: no groups'] : ['lakeFS groups:', table.toString()];
  if (more > 0) lines.push(`and ${more} more`);
  if (view.pendingCount > 0) {
    const names = view.pending.slice(0, SHOWN).map(({ upn }) => upn);
    const rest = view.pendingCount - names.length;
    lines.push(
      '',
      `Without a lakeFS user yet (${view.pendingCount}): ${names.join(', ')}${rest > 0 ? `, and ${rest} more` : ''}`,
    );
  }
  return lines;
}

function groupRow(group: LakefsGroupView, now: number): string[] {
  const { displayName, name, members, policies, permission, ends, strangers } = group;
  const others = strangers ? `, ${strangers.count} more put in by hand (${strangers.users.join(', ')})` : '';
  const title = name === displayName ? displayName : `${displayName} (${name} in lakeFS)`;
  const rights = permission ?? policies.join(', ');
  return [title, `${members} members${others}`, rights, ends ? endText(ends, now) : ''];
}

function endText({ since, deleteAt }: NonNullable<LakefsGroupView['ends']>, now: number): string {
  const gone = `gone from Entra or not selected since ${ago(since, now)}`;
  if (deleteAt === undefined) return `${gone}, kept`;
  const isDue = Date.parse(deleteAt) <= now;
  return isDue
    ? `${gone}, deleted by the next sweep`
    : `${gone}, deleted ${deleteAt.slice(0, 16).replace('T', ' ')} UTC`;
}
