import type { Route, Service } from './call.js';
import { readParams } from './fields.js';
import { NODE } from './tasks.js';

const RESOURCES = [
  { id: `node/${NODE}`, type: 'node', node: NODE, status: 'online', at: `/nodes/${NODE}`, needs: 'Sys.Audit' },
  {
    id: 'qemu/101',
    type: 'qemu',
    vmid: 101,
    name: 'web',
    node: NODE,
    status: 'running',
    at: '/vms/101',
    needs: 'VM.Audit',
  },
  {
    id: 'lxc/102',
    type: 'lxc',
    vmid: 102,
    name: 'dns',
    node: NODE,
    status: 'running',
    at: '/vms/102',
    needs: 'VM.Audit',
  },
  {
    id: `storage/${NODE}/local`,
    type: 'storage',
    storage: 'local',
    node: NODE,
    status: 'available',
    at: '/storage/local',
    needs: 'Datastore.Audit',
  },
];

/** /version and a few reads that any open session makes, outside of /access. */
export function clusterRoutes(service: Service, version: string): Route[] {
  const { permissions } = service;

  return [
    {
      method: 'GET',
      template: '/version',
      handle({ raw }) {
        readParams({}, raw);
        return { version, release: version.split('.').slice(0, 2).join('.'), repoid: '0e19c5c2d5bb7d80' };
      },
    },
    {
      method: 'GET',
      template: '/nodes',
      handle({ raw }) {
        readParams({}, raw);
        return [{ node: NODE, id: `node/${NODE}`, type: 'node', status: 'online' }];
      },
    },
    {
      method: 'GET',
      template: '/cluster/resources',
      handle({ caller, raw }) {
        const type = readParams({ type: { type: 'text' } }, raw).text('type');
        return RESOURCES.filter((resource) => permissions.may(caller, resource.at, [resource.needs]))
          .filter((resource) => type === undefined || resource.type === type)
          .map(({ at, needs, ...shown }) => shown);
      },
    },
    {
      method: 'GET',
      template: '/cluster/status',
      handle({ caller, raw }) {
        permissions.require(caller, '/', ['Sys.Audit']);
        readParams({}, raw);
        return [
          { id: 'cluster', name: 'simulated', type: 'cluster', nodes: 1, quorate: 1, version: 1 },
          { id: `node/${NODE}`, name: NODE, type: 'node', nodeid: 1, online: 1, local: 1, ip: '127.0.0.1', level: '' },
        ];
      },
    },
  ];
}
