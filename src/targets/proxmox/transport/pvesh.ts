import { hostname } from 'node:os';
import { Rejected } from '../../../domain/errors.js';
import { answerOfPvesh } from './pvesh-answer.js';
import { pveshArguments } from './pvesh-arguments.js';
import { type PveshRun, runPvesh } from './run-pvesh.js';
import type { ProxmoxTransport, TransportReply } from './transport.js';

/** Where Debian's package puts it; nothing is looked for in PATH. */
export const PVESH = '/usr/bin/pvesh';

export interface PveshOptions {
  /** Absolute path. */
  command?: string | undefined;
  /** Effective uid of this process. */
  uid?: number | undefined;
}

/** Loading the whole API takes perl a second, and several on a small node. */
const START_MS = 15_000;

/**
 * The API through the node's own pvesh, as root@pam, without any credential. It does all that HTTP does but for calls
 * that send a secret: see pvesh-arguments. Throws Rejected for anybody but root.
 */
export function pveshTransport({ command = PVESH, uid = process.geteuid?.() }: PveshOptions = {}): ProxmoxTransport {
  if (uid !== 0) throw new Rejected('pvesh works for root alone: run this as root on a node of Proxmox VE (sudo)');
  return {
    host: hostname(),
    caller: { kind: 'pvesh', owner: 'root@pam', id: 'root@pam', from: command },
    advice: {
      silent: `check "${command} get /version" and "systemctl status pve-cluster"`,
      strange: `is ${command} that of Proxmox VE?`,
    },
    overheadMs: START_MS,
    secrets: () => [],
    async send(request, signal) {
      return replyOf(await runPvesh(command, pveshArguments(request), signal), command);
    },
    // Every call has a process of its own, which has ended.
    close: async () => undefined,
  };
}

function replyOf(run: PveshRun, command: string): TransportReply {
  switch (run.kind) {
    case 'not-started': {
      if (['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'].includes(run.code)) return { kind: 'not-sent', what: run.why };
      const error = new Rejected(
        `${command} cannot be started (${run.why}): --pvesh works on a node of Proxmox VE alone`,
      );
      return { kind: 'refused', error };
    }
    case 'killed':
      return { kind: 'lost', what: `${command}: ${run.why}` };
    case 'ended':
      if (run.code !== 0 && /^please run as root$/m.test(run.stderr)) {
        return {
          kind: 'refused',
          error: new Rejected(`${command} works for root alone; it said "please run as root"`),
        };
      }
      return answerOfPvesh(run);
    default:
      return run satisfies never;
  }
}
