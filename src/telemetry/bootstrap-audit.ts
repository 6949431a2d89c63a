import { messageOf } from '../domain/errors.js';

/** One write of a set-up command (`token`, `realm`, `token self`): told before it is tried, and what became of it. */
export interface BootstrapRecord {
  /** What is done, in the words of the plan: `token.create`, `acl.grant`, `realm.change`. */
  action: string;
  /** The system that is written to. */
  target: 'proxmox' | 'pbs' | 'entra' | 'kanidm' | 'sink';
  /** What it is done to: `terraform-prov@pve!terraform`. */
  name: string;
  before?: unknown;
  after?: unknown;
  outcome: 'begun' | 'done' | 'failed';
  error?: string | undefined;
}

/** Keeps a record durably. Throws where it cannot: what cannot be told is not done. Records never hold a secret. */
export type RecordBootstrap = (record: BootstrapRecord) => void;

/** Tells of `work` before and after it. What fails is told as failed and thrown on. */
export async function audited<T>(
  record: RecordBootstrap,
  what: Omit<BootstrapRecord, 'outcome' | 'error'>,
  work: () => Promise<T>,
): Promise<T> {
  record({ ...what, outcome: 'begun' });
  let result: T;
  try {
    result = await work();
  } catch (error) {
    record({ ...what, outcome: 'failed', error: messageOf(error) });
    throw error;
  }
  record({ ...what, outcome: 'done' });
  return result;
}

/** Keeps nothing: for plans, which write nothing. */
export const unrecorded: RecordBootstrap = () => undefined;
