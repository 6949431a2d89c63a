import { isKnownPath, normalizePath } from './acl-paths.js';
import type { Call, Route, Service } from './call.js';
import { fault, invalid } from './errors.js';
import { FIELD } from './field-rules.js';
import { type Params, readParams } from './fields.js';
import { type Caller, splitTokenId } from './identity.js';
import { existingToken } from './lookups.js';
import type { Permissions } from './permissions.js';
import type { AclEntry } from './records.js';
import type { State } from './state.js';

const LIST = { type: 'text', list: true } as const;
const FIELDS = {
  path: { type: 'text', required: true },
  roles: { ...LIST, required: true },
  users: LIST,
  groups: LIST,
  tokens: LIST,
  propagate: FIELD.flag,
  delete: FIELD.flag,
} as const;

const MODIFY = 'Permissions.Modify';

/** /access/acl. */
export function aclRoutes(service: Service): Route[] {
  const { state, permissions } = service;

  return [
    {
      method: 'GET',
      template: '/access/acl',
      handle({ caller, raw }) {
        readParams({}, raw);
        const all = permissions.may(caller, '/access', ['Sys.Audit']);
        const visible = state.acl.filter((entry) => all || permissions.may(caller, entry.path, deciders(entry.path)));
        return service.shuffle(visible).map((entry) => ({ ...entry, propagate: entry.propagate ? 1 : 0 }));
      },
    },
    {
      method: 'PUT',
      template: '/access/acl',
      async handle(call) {
        requireDecider(call, permissions);
        const params = readParams(FIELDS, call.raw);
        if (!['users', 'groups', 'tokens'].some((name) => params.text(name))) {
          const text = "either 'users', 'groups' or 'tokens' is required.";
          throw invalid({ users: text, groups: text, tokens: text });
        }
        const path = normalizePath(params.must('path'));
        const deleting = params.flag('delete') ?? false;
        if (path === undefined || (!deleting && !isKnownPath(path))) {
          throw invalid({ path: `invalid ACL path '${params.must('path')}'` });
        }
        await service.write('ACL update failed', () => {
          const asked = askedEntries(state, params, path);
          if (!deleting) refuseBeyondOwn(call.caller, permissions, state, path, asked);
          const kept = state.acl.filter((entry) => !asked.some((other) => isSame(entry, other)));
          state.replaceAcl(deleting ? kept : [...kept, ...asked]);
        });
        return null;
      },
    },
  ];
}

function isSame(left: AclEntry, right: AclEntry): boolean {
  return (
    left.path === right.path && left.type === right.type && left.ugid === right.ugid && left.roleid === right.roleid
  );
}

/** Privileges of which one is enough to change the ACL of a path. */
function deciders(path: string): string[] {
  if (/^\/storage\/./.test(path)) return [MODIFY, 'Datastore.Allocate'];
  if (/^\/vms\/./.test(path)) return [MODIFY, 'VM.Allocate'];
  if (/^\/pool\/./.test(path)) return [MODIFY, 'Pool.Allocate'];
  return [MODIFY];
}

function requireDecider({ caller, raw }: Call, permissions: Permissions): void {
  if (permissions.isRootWithTicket(caller)) return;
  const sent = typeof raw.path === 'string' ? raw.path : '';
  const path = normalizePath(sent) ?? sent;
  permissions.require(caller, path, deciders(path));
}

/** Every holder with every role. @throws ApiError 500 where a role, user, group or token does not exist */
function askedEntries(state: State, params: Params, path: string): AclEntry[] {
  const propagate = params.flag('propagate') ?? true;
  const holders: Pick<AclEntry, 'type' | 'ugid'>[] = [
    ...(params.list('groups') ?? []).map((ugid) => ({ type: 'group', ugid }) as const),
    ...(params.list('users') ?? []).map((ugid) => ({ type: 'user', ugid }) as const),
    ...(params.list('tokens') ?? []).map((ugid) => ({ type: 'token', ugid }) as const),
  ];
  return (params.list('roles') ?? []).flatMap((roleid) => {
    if (!state.roles.has(roleid)) throw fault(`role '${roleid}' does not exist`);
    return holders.map(({ type, ugid }) => {
      requireHolder(state, type, ugid);
      return { path, type, ugid, roleid, propagate };
    });
  });
}

function requireHolder(state: State, type: AclEntry['type'], ugid: string): void {
  if (type === 'group' && !state.groups.has(ugid)) throw fault(`group '${ugid}' does not exist`);
  if (type === 'user' && !state.users.has(ugid)) throw fault(`user '${ugid}' does not exist`);
  if (type !== 'token') return;
  const parts = splitTokenId(ugid);
  if (parts === undefined) throw fault(`value '${ugid}' does not look like a valid token ID`);
  existingToken(state, parts.userid, parts.tokenid);
}

/** Who may decide on the path only by an `…Allocate` gives away no more than it holds there itself. */
function refuseBeyondOwn(
  caller: Caller,
  permissions: Permissions,
  state: State,
  path: string,
  asked: readonly AclEntry[],
): void {
  if (permissions.may(caller, path, [MODIFY])) return;
  const own = permissions.at(caller.authid, path);
  for (const { roleid } of asked) {
    if ((state.roles.get(roleid) ?? []).every((privilege) => own.has(privilege))) continue;
    throw invalid({ role: `Cannot add role '${roleid}' - requires 'Permissions.Modify' or superset of privileges.` });
  }
}
