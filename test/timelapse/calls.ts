/** One call of ours that reached Graph, or that was lost on the way there. */
export interface Call {
  /** Epoch ms of the virtual time, when it left. */
  at: number;
  seq: number;
  method: string;
  /** Below /v1.0, without the query. */
  path: string;
  kind: CallKind;
  /** The subscription that is named, in lower case. */
  id: string | undefined;
  /** 0: no answer came. */
  status: number;
}

export type CallKind = 'create' | 'renew' | 'delete' | 'reauthorize' | 'get' | 'list' | 'token' | 'delta' | 'other';

const ONE = /^\/subscriptions\/([^/]+)(\/reauthorize)?$/;

/** What a request is, as far as Graph's limits tell kinds of calls apart. */
export function kindOf(method: string, path: string): { kind: CallKind; id: string | undefined } {
  if (path === '/subscriptions') return { kind: method === 'POST' ? 'create' : 'list', id: undefined };
  const found = ONE.exec(path);
  if (!found) return { kind: path.endsWith('/delta') ? 'delta' : 'other', id: undefined };
  const id = decodeURIComponent(found[1] ?? '').toLowerCase();
  if (found[2]) return { kind: 'reauthorize', id };
  const byMethod: Record<string, CallKind> = { PATCH: 'renew', DELETE: 'delete', GET: 'get' };
  return { kind: byMethod[method] ?? 'other', id };
}
