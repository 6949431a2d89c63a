import { z } from 'zod';
import type { ProxmoxClient } from '../../client.js';
import { flag, singleUser } from '../../schema.js';
import { unlessRefused } from '../unless-refused.js';
import { fine, type RealmFinding, remark, skipped, wrong } from './finding.js';

const ROOT = 'root@pam';
const realms = z.array(
  z.object({ realm: z.string(), type: z.string().optional(), default: flag.nullish().transform(Boolean) }),
);

/** Whether somebody can still get in while the provider cannot be reached: the root of the nodes themselves. */
export async function checkBreakGlass(
  client: ProxmoxClient,
  realm: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<RealmFinding> {
  const name = 'realm.break-glass';
  const [listed, root] = await Promise.all([
    client.get({ route: '/access/domains' }, realms, signal),
    unlessRefused(client.get({ route: '/access/users/{userid}', params: { userid: ROOT } }, singleUser, signal)),
  ]);
  if (!listed.some(({ realm: one, type }) => one === 'pam' && (type ?? 'pam') === 'pam')) {
    return wrong(name, 'the realm pam is not there', 'bring it back: it stands in /etc/pve/domains.cfg');
  }
  if (!root) return skipped(name, `we may not see ${ROOT}`, 'it takes Sys.Audit on /access/groups');
  const isOver = root.expire > 0 && root.expire * 1000 <= nowMs;
  if (!root.enable || isOver) {
    const mend = `on a node, as root: pveum user modify ${ROOT} --enable 1 --expire 0`;
    return wrong(name, `${ROOT} is ${root.enable ? 'expired' : 'disabled'}: without the provider nobody gets in`, mend);
  }
  const saw = `${ROOT} can log in by the realm pam`;
  if (listed.some((one) => one.realm === realm && one.default)) {
    return remark(name, `${saw}; ${realm} is the default, so pam has to be chosen on the page`);
  }
  return fine(name, saw);
}
