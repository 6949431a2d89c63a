import type { Clock } from '../../domain/clock.js';
import type { UserListing } from './users.js';

export type ListUsers = (signal: AbortSignal) => Promise<UserListing>;

/** Within a sweep the world is read in one go; a listing that is older than this is read again all the same. */
const MAX_AGE_MS = 30_000;

/** One listing for whoever asks soon after another, until `forget`: thousands of users are a megabyte and a while of work. */
export function oneListing(list: ListUsers, clock: Pick<Clock, 'now'>): { list: ListUsers; forget(): void } {
  let last: { listing: UserListing; at: number } | undefined;
  return {
    async list(signal) {
      const at = clock.now();
      if (last && Math.abs(at - last.at) <= MAX_AGE_MS) return last.listing;
      const listing = await list(signal);
      last = { listing, at };
      return listing;
    },
    forget() {
      last = undefined;
    },
  };
}
