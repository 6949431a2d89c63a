import type { FieldChange } from '../../targets/proxmox/realm/fields.js';
import type { RealmStep } from '../../targets/proxmox/realm/plan.js';

/** The step for a person, without a secret. */
export function describeStep(step: RealmStep): string {
  switch (step.do) {
    case 'realm.create': {
      const fields = [...step.fields].map(([name, text]) => `${name} ${JSON.stringify(text)}`);
      const key = step.clientKey ? ['client-key as declared'] : [];
      return `create the realm ${step.realm}: ${[...fields, ...key].join(', ')}`;
    }
    case 'realm.change':
      return `change the realm ${step.realm}: ${step.changes.map(describeChange).join('; ')}`;
    default:
      return step satisfies never;
  }
}

function describeChange({ field, is, shall }: FieldChange): string {
  if (field === 'client-key') return 'client-key differs';
  const show = (text: string | undefined) => (text === undefined ? '(not set)' : JSON.stringify(text));
  return `${field} ${show(is)} -> ${show(shall)}`;
}
