import type { Route, Service } from './call.js';
import { readParams } from './fields.js';

/** What an administrator sets for the whole cluster (datacenter.cfg), as far as it is asked for. */
export interface DatacenterOptions {
  /** `http://user:password@proxy:3128`: how every node goes out. */
  httpProxy?: string | undefined;
}

/** /cluster/options, which whoever has Sys.Audit on / may read. */
export function datacenterRoutes({ permissions }: Service, current: () => DatacenterOptions): Route[] {
  return [
    {
      method: 'GET',
      template: '/cluster/options',
      handle({ caller, raw }) {
        permissions.require(caller, '/', ['Sys.Audit']);
        readParams({}, raw);
        const { httpProxy } = current();
        return { keyboard: 'en-us', mac_prefix: 'BC:24:11', ...(httpProxy !== undefined && { http_proxy: httpProxy }) };
      },
    },
  ];
}
