import type { Route, Service } from './call.js';
import { fault, invalid } from './errors.js';
import { FIELD, privilegesField } from './field-rules.js';
import { readParams } from './fields.js';
import { builtInRoles, knownPrivileges } from './privileges.js';

/** /access/roles and /access/roles/{roleid}. */
export function roleRoutes(service: Service): Route[] {
  const { state, permissions } = service;
  const known = knownPrivileges(service.release);
  const builtIn = builtInRoles(known);
  const privs = privilegesField(known);

  function privilegesOf(roleid: string): readonly string[] {
    const privileges = state.roles.get(roleid);
    if (privileges === undefined) throw fault(`role '${roleid}' does not exist`);
    return privileges;
  }

  function refuseBuiltIn(roleid: string, what: 'modified' | 'deleted'): void {
    if (builtIn.has(roleid)) throw fault(`auto-generated role '${roleid}' cannot be ${what}`);
  }

  return [
    {
      method: 'GET',
      template: '/access/roles',
      handle({ raw }) {
        readParams({}, raw);
        return service.shuffle([...state.roles]).map(([roleid, privileges]) => ({
          roleid,
          privs: [...privileges].sort().join(','),
          special: builtIn.has(roleid) ? 1 : 0,
        }));
      },
    },
    {
      method: 'GET',
      template: '/access/roles/{roleid}',
      handle({ raw }) {
        const privileges = privilegesOf(readParams({ roleid: FIELD.roleid }, raw).must('roleid'));
        return Object.fromEntries(privileges.map((privilege) => [privilege, 1]));
      },
    },
    {
      method: 'POST',
      template: '/access/roles',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access', ['Sys.Modify']);
        const params = readParams({ roleid: FIELD.roleid, privs }, raw);
        const roleid = params.must('roleid');
        if (!builtIn.has(roleid)) refuseReserved(roleid);
        await service.write('create role failed', () => {
          if (state.roles.has(roleid)) throw fault(`role '${roleid}' already exists`);
          state.putRole(roleid, unique(params.list('privs') ?? []));
        });
        return null;
      },
    },
    {
      method: 'PUT',
      template: '/access/roles/{roleid}',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access', ['Sys.Modify']);
        const append = { ...FIELD.flag, requires: 'privs' };
        const params = readParams({ roleid: FIELD.roleid, privs, append }, raw);
        const roleid = params.must('roleid');
        refuseBuiltIn(roleid, 'modified');
        await service.write('update role failed', () => {
          const kept = privilegesOf(roleid).filter(() => params.flag('append') === true);
          state.putRole(roleid, unique([...kept, ...(params.list('privs') ?? [])]));
        });
        return null;
      },
    },
    {
      method: 'DELETE',
      template: '/access/roles/{roleid}',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access', ['Sys.Modify']);
        const roleid = readParams({ roleid: FIELD.roleid }, raw).must('roleid');
        refuseBuiltIn(roleid, 'deleted');
        await service.write('delete role failed', () => {
          privilegesOf(roleid);
          state.dropRole(roleid);
        });
        return null;
      },
    },
  ];
}

/** @throws ApiError 400 for a name of the reserved kind */
function refuseReserved(roleid: string): void {
  if (/^PVE/i.test(roleid)) {
    throw invalid({ roleid: "cannot use role ID starting with the (case-insensitive) 'PVE' namespace" });
  }
}

function unique(privileges: readonly string[]): string[] {
  return [...new Set(privileges)];
}
