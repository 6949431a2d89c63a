import type { BootstrapRecord } from '../../../telemetry/bootstrap-audit.js';
import { fullId } from './entries.js';
import type { AclEntry } from './observed.js';
import type { TokenStep } from './plan.js';

type Told = Omit<BootstrapRecord, 'outcome' | 'error'>;

/** A step as the audit log has it. */
export function describeTokenStep(step: TokenStep): Told {
  const told = (name: string, after?: unknown, before?: unknown): Told => ({
    action: step.do,
    target: 'proxmox',
    name,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
  switch (step.do) {
    case 'owner.create':
    case 'owner.mark':
    case 'owner.release':
      return told(step.owner, { comment: step.comment });
    case 'owner.delete':
      return told(step.owner);
    case 'role.create':
      return told(step.role, { privileges: step.privileges });
    case 'role.change':
      return told(step.role, { privileges: step.privileges, added: step.added, removed: step.removed });
    case 'role.delete':
      return told(step.role);
    case 'acl.grant':
      return told(step.entry.ugid, rightOf(step.entry));
    case 'acl.revoke':
      return told(step.entry.ugid, undefined, rightOf(step.entry));
    case 'token.delete':
      return told(fullId(step), { why: step.why });
    case 'token.create': {
      const { sink, privsep } = step.declaration;
      return told(fullId(step.declaration), { privsep, sink: sink.place });
    }
    case 'token.change':
      return told(fullId(step.declaration), { changes: step.changes });
    case 'token.confirm':
      return told(fullId(step.declaration));
    case 'secret.copy':
      return { ...told(fullId(step.declaration), { places: step.places }), target: 'sink' };
    default:
      return step satisfies never;
  }
}

/** An entry of the access control list without its holder. */
export function rightOf({ path, roleid, propagate }: AclEntry): Pick<AclEntry, 'path' | 'roleid' | 'propagate'> {
  return { path, roleid, propagate };
}
