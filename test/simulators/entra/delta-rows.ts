import type { DirectoryObject, DirectoryState } from './directory-state.js';
import { project } from './odata.js';

export type DeltaKind = 'users' | 'groups';

export interface DeltaRowOptions {
  kind: DeltaKind;
  select: readonly string[] | undefined;
  /** `members` among them: rows carry `members@delta`. */
  links: readonly string[];
  ids: ReadonlySet<string> | undefined;
  /** Only the id and what was selected of changed objects (`Prefer: return=minimal`). */
  minimal: boolean;
  /** Members in one row; a longer list repeats its group. */
  chunk: number;
}

type Row = Record<string, unknown>;

/** Everything (`since` undefined) or everything that changed after that version, in the final state of each object. */
export function deltaRows(state: DirectoryState, since: number | undefined, options: DeltaRowOptions): Row[] {
  const touched = touchedSince(state, since, options.kind);
  const wantsMembers = options.kind === 'groups' && options.links.includes('members');
  const rows: Row[] = [];
  for (const [id, members] of touched) {
    if (options.ids && !options.ids.has(id)) continue;
    const object = state.objects.get(id);
    if (!object) {
      if (since !== undefined)
        rows.push({ id, '@removed': { reason: state.softDeleted.has(id) ? 'changed' : 'deleted' } });
      continue;
    }
    const shown = shownProperties(object, members, options);
    const links = wantsMembers ? memberLinks(state, id, since === undefined ? undefined : members.changed) : [];
    if (since !== undefined && !members.own && links.length === 0) continue;
    rows.push(links.length > 0 ? { ...shown, 'members@delta': links.slice(0, options.chunk) } : shown);
    for (let from = options.chunk; from < links.length; from += options.chunk)
      rows.push({ ...shown, 'members@delta': links.slice(from, from + options.chunk) });
  }
  return rows;
}

interface Touched {
  /** The object itself changed, not only its members. */
  own: boolean;
  changed: Set<string>;
}

function touchedSince(state: DirectoryState, since: number | undefined, kind: DeltaKind): Map<string, Touched> {
  const objectKind = kind === 'users' ? 'user' : 'group';
  const touched = new Map<string, Touched>();
  const entry = (id: string) => {
    const known = touched.get(id) ?? { own: false, changed: new Set<string>() };
    touched.set(id, known);
    return known;
  };
  if (since === undefined) {
    for (const object of state.objects.values()) if (object.kind === objectKind) entry(object.id).own = true;
    return touched;
  }
  for (const { change } of after(state, since)) {
    if (change.kind === 'object' && change.objectKind === objectKind) entry(change.id).own = true;
    if (change.kind === 'member' && kind === 'groups') entry(change.group).changed.add(change.member);
    if (change.kind === 'unlinked' && kind === 'groups') entry(change.group).changed.add(change.member);
  }
  return touched;
}

function after(state: DirectoryState, since: number) {
  const first = state.journal.findIndex(({ version }) => version > since);
  return first === -1 ? [] : state.journal.slice(first);
}

function shownProperties(object: DirectoryObject, touched: Touched, options: DeltaRowOptions): Row {
  if (options.minimal && !touched.own) return { id: object.id };
  return project(object, options.select, { typed: false, hidden: () => false });
}

function memberLinks(state: DirectoryState, group: string, changed: ReadonlySet<string> | undefined): Row[] {
  const members = state.membersOf(group);
  const links: Row[] = [];
  for (const id of changed ?? members) {
    const object = state.objects.get(id) ?? state.softDeleted.get(id);
    // A soft-deleted member keeps its link: a first listing leaves it out, and no removal is ever shown for it.
    if (changed === undefined && state.softDeleted.has(id)) continue;
    const type = `#microsoft.graph.${object?.kind ?? 'user'}`;
    links.push({ '@odata.type': type, id, ...(!members.has(id) && { '@removed': { reason: 'deleted' } }) });
  }
  return links;
}
