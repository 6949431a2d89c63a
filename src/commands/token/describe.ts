import { fullId } from '../../targets/proxmox/tokens/entries.js';
import { showExpiry, type TokenStep } from '../../targets/proxmox/tokens/plan.js';

/** One step for a person, without a secret. */
export function describeStep(step: TokenStep): string {
  switch (step.do) {
    case 'owner.create':
      return `create the user ${step.owner}, without a password`;
    case 'owner.mark':
      return `mark the user ${step.owner} as ours`;
    case 'owner.release':
      return `take our mark from the user ${step.owner}, which stays`;
    case 'owner.delete':
      return `delete the user ${step.owner}`;
    case 'role.create':
      return `create the role ${step.role}: ${step.privileges.join(' ')}`;
    case 'role.change': {
      const changes = [...step.added.map((name) => `+${name}`), ...step.removed.map((name) => `-${name}`)];
      return `change the role ${step.role}: ${changes.join(' ')}`;
    }
    case 'role.delete':
      return `delete the role ${step.role}`;
    case 'acl.grant':
    case 'acl.revoke': {
      const { roleid, path, ugid, type, propagate } = step.entry;
      const verb = step.do === 'acl.grant' ? 'grant' : 'revoke';
      return `${verb} ${roleid} on ${path}${propagate ? '' : ' (not below)'}: ${type} ${ugid}`;
    }
    case 'token.delete':
      return `delete the token ${fullId(step)}: ${step.why}`;
    case 'token.create': {
      const { declaration } = step;
      const { expire, privsep, sink } = declaration;
      const until = expire === 0 ? 'without an end' : `until ${showExpiry(expire)}`;
      const rights = privsep ? 'with rights of its own' : "with its owner's rights";
      return `create the token ${fullId(declaration)} ${until}, ${rights}; its secret goes to ${sink.place}`;
    }
    case 'token.change':
      return `change the token ${fullId(step.declaration)}: ${step.changes.join('; ')}`;
    case 'token.confirm':
      return `ask as ${fullId(step.declaration)} what it may do, and note that its secret is stored`;
    case 'secret.copy':
      return `store the secret of ${fullId(step.declaration)} also where it is missing: ${step.places.join(', ')}`;
    default:
      return step satisfies never;
  }
}
