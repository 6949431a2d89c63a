import { Busy } from '../../domain/errors.js';
import { ProxmoxError, type ProxmoxErrorKind } from './proxmox-error.js';

/** What keeps every write from user.cfg, whoever it is about. */
const HINDERING: ReadonlySet<ProxmoxErrorKind> = new Set(['lock-timeout', 'no-quorum', 'full']);

/** How long a full user.cfg is left alone: somebody has to delete something first. */
const FULL_RETRY_MS = 60_000;

/** Problems that status, health and metrics show, by a key of their own. */
export type Problems = Pick<Map<string, string>, 'set' | 'delete'>;

export const WRITES_PROBLEM = 'proxmox-writes';

/** The error of PVE behind it, where that hinders everybody's writes. */
export function hindranceIn(error: unknown): ProxmoxError | undefined {
  const cause = error instanceof Busy ? error.cause : error;
  return cause instanceof ProxmoxError && HINDERING.has(cause.kind) ? cause : undefined;
}

/** Such an error as one that is tried again for as long as it takes: the fault does not lie with the item. */
export function asPassing(error: unknown): unknown {
  const hindrance = hindranceIn(error);
  if (!hindrance || error instanceof Busy) return error;
  return Object.assign(new Busy(hindrance.message, FULL_RETRY_MS), { cause: hindrance });
}

/**
 * Keeps the note that no write gets through. A write that was carried out ends it; of a full user.cfg only one that
 * needed room tells anything.
 */
export function createWriteNote(problems: Problems) {
  let kind: ProxmoxErrorKind | undefined;
  const forget = (): void => {
    kind = undefined;
    problems.delete(WRITES_PROBLEM);
  };
  return {
    failed(error: unknown): void {
      const hindrance = hindranceIn(error);
      if (!hindrance) return;
      kind = hindrance.kind;
      problems.set(WRITES_PROBLEM, hindrance.message);
    },
    done({ tookRoom }: { tookRoom: boolean }): void {
      if (kind === 'full' && !tookRoom) return;
      forget();
    },
    /** It may be over by now; whatever is still to be written finds out. */
    forget,
  };
}

export type WriteNote = ReturnType<typeof createWriteNote>;
