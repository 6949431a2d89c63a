import { type Answer, give, NOTHING, refuse } from './answers.js';
import type { Capability } from './logins.js';
import { createSecretHistory, type SecretHistory } from './secrets.js';

export interface KeyValueCall {
  method: string;
  /** `data`, `metadata`, `delete`, `undelete`, `destroy` */
  action: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

/** One KV engine of version 2: `data.version` on every answer, check-and-set, soft deletion, destruction. */
export interface KeyValue {
  /** What the policy must allow for this call; undefined: there is no such call. */
  needs(call: KeyValueCall): Capability | undefined;
  answer(call: KeyValueCall): Answer;
  history(path: string): SecretHistory | undefined;
  /** As another client would. */
  put(path: string, data: Record<string, unknown>): void;
}

export function createKeyValue({ casRequired = false }: { casRequired?: boolean } = {}): KeyValue {
  const secrets = new Map<string, SecretHistory>();

  function write({ path, body }: KeyValueCall): Answer {
    const { data, options = {}, ...rest } = body;
    if (Object.keys(rest).length > 0) return refuse(400, `unknown fields ${Object.keys(rest).join(', ')}`);
    if (!isObject(data)) return refuse(400, 'no data provided');
    if (!isObject(options)) return refuse(400, 'error parsing options');
    const current = secrets.get(path)?.current ?? 0;
    if (options.cas === undefined && casRequired) {
      return refuse(400, 'check-and-set parameter required for this call');
    }
    if (options.cas !== undefined && options.cas !== current) {
      return refuse(400, 'check-and-set parameter did not match the current version');
    }
    return give(made(path).write(structuredClone(data)).metadata);
  }

  function made(path: string): SecretHistory {
    const history = secrets.get(path) ?? createSecretHistory(casRequired);
    secrets.set(path, history);
    return history;
  }

  function read({ path, query }: KeyValueCall): Answer {
    const asked = query.get('version');
    if (asked !== null && !/^\d+$/.test(asked)) return refuse(400, 'error converting input for field "version"');
    const view = secrets.get(path)?.view(asked === null || asked === '0' ? undefined : Number(asked));
    if (!view) return { status: 404, body: { errors: [] } };
    return give(view, { status: view.data === null ? 404 : 200 });
  }

  function onVersions({ path, body, action }: KeyValueCall): Answer {
    const { versions, ...rest } = body;
    if (Object.keys(rest).length > 0) return refuse(400, `unknown fields ${Object.keys(rest).join(', ')}`);
    if (!Array.isArray(versions) || versions.length === 0 || !versions.every(Number.isInteger)) {
      return refuse(400, 'No version number provided');
    }
    const history = secrets.get(path);
    if (action === 'delete') history?.delete(versions);
    else if (action === 'undelete') history?.undelete(versions);
    else history?.destroy(versions);
    return NOTHING;
  }

  return {
    needs({ method, action, path }) {
      const isWrite = method === 'POST' || method === 'PUT';
      if (action === 'data') {
        if (method === 'GET') return 'read';
        if (method === 'DELETE') return 'delete';
        return isWrite ? (secrets.has(path) ? 'update' : 'create') : undefined;
      }
      if (action === 'metadata') return method === 'GET' ? 'read' : method === 'DELETE' ? 'delete' : undefined;
      return isWrite && ['delete', 'undelete', 'destroy'].includes(action) ? 'update' : undefined;
    },
    answer(call) {
      const { method, action, path } = call;
      if (action === 'data' && method === 'GET') return read(call);
      if (action === 'data' && method === 'DELETE') {
        const history = secrets.get(path);
        history?.delete([history.current]);
        return NOTHING;
      }
      if (action === 'data') return write(call);
      if (action === 'metadata' && method === 'DELETE') {
        secrets.delete(path);
        return NOTHING;
      }
      if (action === 'metadata') {
        const history = secrets.get(path);
        return history ? give(history.metadata()) : { status: 404, body: { errors: [] } };
      }
      return onVersions(call);
    },
    history: (path) => secrets.get(path),
    put: (path, data) => void made(path).write(data),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
