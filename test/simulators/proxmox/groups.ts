import type { Route, Service } from './call.js';
import { fault } from './errors.js';
import { FIELD } from './field-rules.js';
import { readParams } from './fields.js';
import type { GroupRecord } from './records.js';

const ALLOCATE = ['Group.Allocate'];

/** /access/groups and /access/groups/{groupid}. */
export function groupRoutes(service: Service): Route[] {
  const { state, permissions } = service;

  function existing(groupid: string): GroupRecord {
    const group = state.groups.get(groupid);
    if (group === undefined) throw fault(`group '${groupid}' does not exist`);
    return group;
  }

  return [
    {
      method: 'GET',
      template: '/access/groups',
      handle({ caller, raw }) {
        readParams({}, raw);
        const visible = permissions.groupsWhere(caller, ['User.Modify', 'Sys.Audit', 'Group.Allocate']);
        const groups = [...state.groups.values()].filter((group) => visible.has(group.groupid));
        return service.shuffle(groups).map(({ groupid, comment, members }) => ({
          groupid,
          comment,
          users: [...members].join(','),
        }));
      },
    },
    {
      method: 'POST',
      template: '/access/groups',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access/groups', ALLOCATE);
        const params = readParams({ groupid: FIELD.groupid, comment: FIELD.comment }, raw);
        const groupid = params.must('groupid');
        await service.write('create group failed', () => {
          if (state.groups.has(groupid)) throw fault(`group '${groupid}' already exists`);
          state.putGroup(groupid, params.text('comment'));
        });
        return null;
      },
    },
    {
      method: 'GET',
      template: '/access/groups/{groupid}',
      handle({ caller, raw }) {
        permissions.require(caller, '/access/groups', ['Sys.Audit', ...ALLOCATE]);
        const group = existing(readParams({ groupid: FIELD.groupid }, raw).must('groupid'));
        return { comment: group.comment, members: service.shuffle([...group.members]) };
      },
    },
    {
      method: 'PUT',
      template: '/access/groups/{groupid}',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access/groups', ALLOCATE);
        const params = readParams({ groupid: FIELD.groupid, comment: FIELD.comment }, raw);
        await service.write('update group failed', () => {
          const group = existing(params.must('groupid'));
          state.putGroup(group.groupid, params.text('comment') ?? group.comment);
        });
        return null;
      },
    },
    {
      method: 'DELETE',
      template: '/access/groups/{groupid}',
      async handle({ caller, raw }) {
        permissions.require(caller, '/access/groups', ALLOCATE);
        const groupid = readParams({ groupid: FIELD.groupid }, raw).must('groupid');
        await service.write('delete group failed', () => {
          existing(groupid);
          state.dropGroup(groupid);
        });
        return null;
      },
    },
  ];
}
