import type { Desired } from '../domain/desired.js';
import type { Attributes, ObjectId } from '../domain/identity.js';
import type { LedgerEntry } from '../domain/ledger-entry.js';
import type { AccountTarget } from '../domain/policy.js';
import type { LinuxAccount, ProxmoxUser } from '../domain/sight.js';

/** How one target stands towards an adoption. */
export interface AdoptionPart {
  target: AccountTarget;
  /** The Unix name or userid in question. */
  name: string;
  /** `managed`: ours already. `none`: nothing stands there. `refused`: it cannot be adopted as it is. */
  standing: 'adoptable' | 'managed' | 'none' | 'refused';
  /** What stands there, one fact each. */
  facts: readonly string[];
  /** What adopting it changes at once. */
  steps: readonly string[];
  /** What the next reconcile would change about it. */
  next: readonly string[];
  /** What root has to run on a Proxmox node before, since our token may not write the user yet. */
  first?: string | undefined;
  /** Root has to hand it over on its host: the account agent takes no account on our word. */
  byRoot?: boolean | undefined;
  why?: string | undefined;
  remedy?: string | undefined;
  /** It was adopted by this very call. */
  done: boolean;
}

/** A part with what the target showed, for the planner. */
export type Found = AdoptionPart & { linux?: LinuxAccount | undefined; proxmox?: ProxmoxUser | undefined };

/** Whom an adoption is about: an identity in scope. */
export interface Subject {
  oid: ObjectId;
  attributes: Attributes;
  desired: Extract<Desired, { kind: 'member' }>;
  /** What the ledger knows, or would know. */
  entry: LedgerEntry;
}
