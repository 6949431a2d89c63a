import { messageOf } from '../../domain/errors.js';
import { isRetired, ownerIn } from '../../domain/proxmox-comment.js';
import type { Log } from '../../telemetry/log.js';
import type { ProxmoxClient } from './client.js';
import type { Problems } from './hindrance.js';
import { lackText } from './refusal.js';
import type { Need, Rights } from './rights.js';
import { anyList, clusterNode, type RunningTask, runningTask } from './schema.js';
import { listUsers } from './users.js';

/** Tasks that are an open console; never a backup, a migration, or anything else that somebody only started. */
const CONSOLES: ReadonlySet<string> = new Set(['vncproxy', 'vncshell', 'termproxy', 'spiceproxy', 'spiceshell']);

/** To see the tasks of others, and to stop them (PVE::API2::Tasks). A list without the first is short without saying so. */
export const CONSOLE_NEEDS: readonly Need[] = [
  { path: '/nodes', anyOf: ['Sys.Audit'] },
  { path: '/nodes', anyOf: ['Sys.Modify'] },
];

export const CONSOLES_PROBLEM = 'proxmox-consoles';

/**
 * Stops open consoles of people who are locked out: disabling a user ends no console that is open already. Whatever
 * goes wrong here is a note among the problems and fails nobody's lock; the next sweep tries again.
 */
export interface Consoles {
  /** Those of one user who was just disabled, and of its API tokens. Rejects only when `signal` aborts. */
  stopOf(userid: string, signal: AbortSignal): Promise<void>;
  /** Those of every disabled user of ours. Rejects only when `signal` aborts. */
  stopAll(signal: AbortSignal): Promise<void>;
}

export interface ConsolesOptions {
  client: ProxmoxClient;
  rights: Rights;
  log: Log;
  problems: Problems;
}

export function createConsoles({ client, rights, log, problems }: ConsolesOptions): Consoles {
  const open = new Map<string, string>();

  function tell(): void {
    const [first] = open.values();
    if (first === undefined) problems.delete(CONSOLES_PROBLEM);
    else problems.set(CONSOLES_PROBLEM, `open consoles of ${[...open.keys()].join(', ')} may go on: ${first}`);
  }

  function fail(who: string, error: unknown): void {
    open.set(who, messageOf(error));
    log('proxmox.console.kept', { user: who, error: messageOf(error) });
  }

  async function stop(userids: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const missing = await rights.missing(CONSOLE_NEEDS, signal);
    if (missing.length > 0) throw new Error(lackText(client, missing));
    for (const node of await runningNodes(client, signal)) {
      for (const task of await runningTasks(client, node, signal)) {
        const user = ownerOf(task);
        if (!CONSOLES.has(task.type) || !userids.has(user)) continue;
        const params = { node, upid: task.upid };
        await client.write({ method: 'DELETE', route: '/nodes/{node}/tasks/{upid}', params, urgent: true }, signal);
        log('proxmox.console.stopped', { user, node, type: task.type, upid: task.upid });
      }
    }
  }

  return {
    async stopOf(userid, signal) {
      try {
        await stop(new Set([userid]), signal);
        open.delete(userid);
      } catch (error) {
        signal.throwIfAborted();
        fail(userid, error);
      }
      tell();
    },
    async stopAll(signal) {
      let userids: ReadonlySet<string> = new Set(open.keys());
      try {
        const { users } = await listUsers(client, log, signal);
        const disabled = [...users.values()].filter(
          ({ enable, comment }) => !enable && ownerIn(comment) !== undefined && !isRetired(comment),
        );
        userids = new Set(disabled.map((user) => user.userid));
        if (userids.size > 0) await stop(userids, signal);
        open.clear();
      } catch (error) {
        signal.throwIfAborted();
        fail([...open.keys()][0] ?? 'people who are locked out', error);
      }
      tell();
    },
  };
}

/** A task of an API token has the token beside the user, or in its name. */
function ownerOf({ user }: RunningTask): string {
  return user.replace(/![A-Za-z][\w.-]+$/, '');
}

async function runningNodes(client: ProxmoxClient, signal: AbortSignal): Promise<string[]> {
  const nodes = await client.get({ route: '/nodes' }, anyList, signal);
  return nodes.flatMap((entry) => {
    const node = clusterNode.parse(entry);
    // Who cannot be reached runs nothing that could be stopped from here.
    return node.status === 'offline' ? [] : [node.node];
  });
}

/** `active`: what the node itself runs now; the list of the whole cluster lags by some seconds. */
async function runningTasks(client: ProxmoxClient, node: string, signal: AbortSignal): Promise<RunningTask[]> {
  const call = { route: '/nodes/{node}/tasks', params: { node }, query: { source: 'active' } };
  return (await client.get(call, anyList, signal)).map((entry) => runningTask.parse(entry));
}
