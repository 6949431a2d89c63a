import { POLICIES, type Size } from './stage.js';

/** What Graph and lakeFS gave the old tool on a page, since it asked for no other size. */
const PAGE = 100;

/** Requests of one run: those to Graph and those to lakeFS. */
export interface Requests {
  graph: number;
  lakefs: number;
}

/**
 * How many requests the predecessor's algorithm takes, had it run: one token, every group of the tenant, every group
 * of lakeFS and every user; a group that is missing is made and given its policies; then for each group its members in
 * Entra, those in lakeFS, and one call for each that differs.
 */
export function requestsOfOldTool({ groups, members, people }: Size, isFirst: boolean): Requests {
  const pages = (count: number) => Math.max(1, Math.ceil(count / PAGE));
  const there = isFirst ? 0 : members;
  const changes = isFirst ? groups * (1 + POLICIES.length + members) : 0;
  return {
    graph: 1 + pages(groups) + groups * pages(members),
    lakefs: pages(isFirst ? 4 : groups + 4) + pages(people) + groups * pages(there) + changes,
  };
}
