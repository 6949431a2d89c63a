import type { IntegrityView } from '../../integrity/view.js';
import { type Check, fine, remark, wrong } from './check.js';

/** Whether only root can change what runs. Sealed contents are looked at by root alone: entramox integrity verify. */
export function checkIntegrity({ enforced, why, distrusted, sealedAt, changed }: IntegrityView): Check[] {
  const name = 'files.integrity';
  const sealed = sealedAt === undefined ? 'contents not sealed (entramox integrity seal)' : `sealed ${sealedAt}`;
  const changes = changed.map((path) =>
    wrong(name, `${path} was changed since it was sealed`, 'entramox integrity seal, if it was you'),
  );
  if (distrusted.length === 0) {
    const seen = `only root can change program, policy and configuration; ${sealed}`;
    return changes.length > 0 ? changes : [fine(name, enforced ? seen : `${seen}; not enforced here, since ${why}`)];
  }
  const found = distrusted.map((item) => item.why).join('; ');
  const mend = distrusted.map((item) => item.mend).join('; ');
  if (!enforced) return [remark(name, `not enforced here, since ${why}; ${found}`, mend), ...changes];
  return [...distrusted.map((item) => wrong(name, item.why, item.mend)), ...changes];
}
