import { fullId } from './entries.js';
import type { TokenStep } from './plan.js';

/** What a step brings about, for those that rest on it. */
export function makes(step: TokenStep): string[] {
  switch (step.do) {
    case 'owner.create':
    case 'owner.mark':
      return [`owner ${step.owner}`];
    case 'role.create':
    case 'role.change':
      return [`role ${step.role}`];
    case 'acl.grant':
      return [`rights of ${step.entry.ugid}`];
    case 'token.delete':
      return [`room for ${fullId(step)}`];
    case 'token.create':
    case 'token.change':
      return [`token ${fullId(step.declaration)}`];
    default:
      return [];
  }
}

/** What must have been brought about before it. */
export function restsOn(step: TokenStep): string[] {
  switch (step.do) {
    case 'role.create':
      // Its owner's comment says that it is ours; without, it would be somebody else's from then on.
      return [`owner ${step.owner}`];
    case 'acl.grant': {
      const { type, ugid, roleid } = step.entry;
      return [`role ${roleid}`, type === 'token' ? `token ${ugid}` : `owner ${ugid}`];
    }
    case 'token.create': {
      const { owner, role } = step.declaration;
      return [`owner ${owner}`, `role ${role}`, `rights of ${owner}`, `room for ${fullId(step.declaration)}`];
    }
    case 'token.change':
      // Without them it would have none once it may have rights of its own.
      return [`owner ${step.declaration.owner}`, `rights of ${fullId(step.declaration)}`];
    case 'secret.copy':
      return [`token ${fullId(step.declaration)}`];
    case 'token.confirm': {
      const id = fullId(step.declaration);
      return [`token ${id}`, `rights of ${id}`, `rights of ${step.declaration.owner}`, `role ${step.declaration.role}`];
    }
    default:
      return [];
  }
}
