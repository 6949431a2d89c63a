import type { ObjectId } from './identity.js';

/** What a target shows for one identity, with its certainty. */
export type Sight<T> =
  | { certainty: 'present'; value: T }
  | { certainty: 'absent' }
  /** Something of that name is there, or stands in the way, and it is not ours to touch. */
  | {
      certainty: 'foreign';
      what: string;
      remedy: string;
      /** What stands there, where nobody else's mark is on it, so that an operator may adopt it. */
      adoptable?: T | undefined;
      /** Why what stands there cannot be adopted as it is. */
      obstacle?: string | undefined;
      /** What stands there, in words, one fact each. */
      facts?: readonly string[] | undefined;
      /** It was this identity's, and root gave it back there. */
      released?: boolean | undefined;
      /** The command that root has to run there first, where our rights do not reach what stands there. */
      outOfReach?: string | undefined;
    }
  | { certainty: 'unknown'; why: string };

/** Which identity a target is asked about, and the name it has or would have there. */
export interface Ask {
  oid: ObjectId;
  /** Unix name for linux, `upn@realm` for proxmox. */
  name: string;
}

/** An account of ours on this host, as the account agent read it back from the real files. */
export interface LinuxAccount {
  name: string;
  uid: number;
  /** partial: some of passwd, shadow, group or the home is missing (a crash in the middle of a creation). */
  state: 'whole' | 'partial' | 'deleted';
  /** Our lock is complete and holds. */
  locked: boolean;
  /** A lock of ours was begun, or was opened by hand: it neither holds nor is it undone. */
  halfLocked?: boolean | undefined;
  gecos: string;
  /** Members of the groups that the agent's policy allows it to manage, sorted. */
  groups: readonly string[];
  sudo: boolean;
}

/** A user of ours in Proxmox VE. */
export interface ProxmoxUser {
  userid: string;
  enabled: boolean;
  comment: string;
  firstName: string;
  lastName: string;
  email: string;
  /** All its groups, also those that are not ours, sorted. */
  groups: readonly string[];
}
