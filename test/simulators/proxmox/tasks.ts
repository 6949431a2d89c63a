import type { Route, Service } from './call.js';
import { fault, forbidden, invalid } from './errors.js';
import { readParams } from './fields.js';
import { splitTokenId } from './identity.js';

/** The one node of the simulated cluster. */
export const NODE = 'pve1';

/** One task as the node keeps it. */
export interface Task {
  upid: string;
  /** `vncproxy`, `vzdump`, … */
  type: string;
  /** What it is about: the number of a guest, or nothing. */
  id: string;
  /** User or full token id. */
  authid: string;
  /** Seconds since the epoch. */
  startedAt: number;
  state: 'running' | 'stopped';
}

export interface NewTask {
  authid: string;
  type: string;
  id?: string;
}

/** What runs on the node. Nothing ends a task but whoever stops it: disabling its user does not. */
export interface Tasks {
  start(task: NewTask): Task;
  list(): Task[];
  find(upid: string): Task | undefined;
}

export function createTasks(nowSeconds: () => number): Tasks {
  const tasks = new Map<string, Task>();
  let pid = 0x1200;

  return {
    start({ authid, type, id = '' }) {
      pid += 1;
      const startedAt = nowSeconds();
      const numbers = [pid, pid * 3, startedAt].map((number) => number.toString(16).toUpperCase().padStart(8, '0'));
      const upid = `UPID:${NODE}:${numbers.join(':')}:${type}:${id}:${authid}:`;
      const task: Task = { upid, type, id, authid, startedAt, state: 'running' };
      tasks.set(upid, task);
      return task;
    },
    list: () => [...tasks.values()],
    find: (upid) => tasks.get(upid),
  };
}

const UPID = /^UPID:[^:\s]+(:[0-9A-F]{8,9}){3}:[^:\s]+:[^:]*:[^:\s]+:$/;

/** /nodes/{node}/tasks: whoever may not audit the node sees only tasks of their own, and a 200 all the same. */
export function taskRoutes({ permissions }: Service, tasks: Tasks): Route[] {
  const path = `/nodes/${NODE}`;

  return [
    {
      method: 'GET',
      template: '/nodes/{node}/tasks',
      handle({ caller, raw }) {
        const params = readParams(
          {
            node: { type: 'text', required: true },
            source: { type: 'text', pattern: /^(archive|active|all)$/ },
            userfilter: { type: 'text' },
            typefilter: { type: 'text' },
            limit: { type: 'integer', minimum: 0 },
          },
          raw,
        );
        requireNode(params.must('node'));
        const source = params.text('source') ?? 'archive';
        const wanted = params.text('userfilter')?.toLowerCase() ?? '';
        const seesAll = permissions.may(caller, path, ['Sys.Audit']);
        return tasks
          .list()
          .filter(({ state }) => source === 'all' || (state === 'running') === (source === 'active'))
          .filter(({ authid }) => seesAll || authid === caller.authid)
          .filter(({ authid }) => userOf(authid).user.toLowerCase().includes(wanted))
          .map(shown);
      },
    },
    {
      method: 'DELETE',
      template: '/nodes/{node}/tasks/{upid}',
      handle({ caller, raw }) {
        const params = readParams(
          { node: { type: 'text', required: true }, upid: { type: 'text', required: true } },
          raw,
        );
        requireNode(params.must('node'));
        const upid = params.must('upid');
        if (!UPID.test(upid)) throw invalid({ upid: `unable to parse worker upid '${upid}'` });
        const owner = upid.split(':').at(-2);
        if (owner !== caller.authid && !permissions.may(caller, path, ['Sys.Modify']))
          throw forbidden(`${path}, Sys.Modify`);
        const task = tasks.find(upid);
        // A task that is over, or that nobody knows, is stopped already.
        if (task) task.state = 'stopped';
        return null;
      },
    },
  ];
}

function shown({ upid, type, id, authid, startedAt, state }: Task): Record<string, unknown> {
  const fields = upid.split(':');
  const running = { pid: Number.parseInt(fields[2] ?? '', 16), pstart: Number.parseInt(fields[3] ?? '', 16) };
  const over = state === 'running' ? {} : { status: 'stopped: unexpected status', endtime: startedAt + 1 };
  return { upid, node: NODE, type, id, ...userOf(authid), starttime: startedAt, ...running, ...over };
}

/** A task of an API token names user and token apart. */
function userOf(authid: string): { user: string; tokenid?: string } {
  const token = splitTokenId(authid);
  return token ? { user: token.userid, tokenid: token.tokenid } : { user: authid };
}

function requireNode(node: string): void {
  if (node !== NODE) throw fault(`no such cluster node '${node}'`);
}
