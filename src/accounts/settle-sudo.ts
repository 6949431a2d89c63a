import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEtc } from './etc.js';
import { listIfThere } from './if-there.js';
import { renderSudoers } from './sudo-rule.js';
import { grantSudo, revokeSudo } from './sudoers.js';
import { identityProblem, type Workshop } from './workshop.js';

/**
 * Brings the sudo rules that are there in line with the policy as it is now: root may have changed it, or a crash
 * may have left a rule behind. Rules of locked and deleted accounts go, and those whose account was removed by hand,
 * so that the next owner of the uid gets nothing; the others are rendered again where they differ. Files whose uid is not in the ledger are not ours to judge.
 */
export async function settleSudo(workshop: Workshop): Promise<void> {
  const { ledger, paths, policy } = workshop;
  const rules = listIfThere(paths.sudoers).flatMap((file) => {
    const uid = Number(/^entramox-(\d+)$/.exec(file)?.[1] ?? Number.NaN);
    const entry = ledger.ownerOfUid(uid);
    // What root took back is not ours to judge any more.
    return entry && entry.state !== 'released'
      ? [{ entry, text: readFileSync(join(paths.sudoers, file), 'utf8') }]
      : [];
  });
  if (rules.length === 0) return;
  const etc = readEtc(paths.etc);
  for (const { entry, text } of rules) {
    const { name, uid, state, lock } = entry;
    const isIntact = etc.passwd.has(name) && identityProblem(etc, entry) === undefined;
    if (!policy.sudo.enabled || state !== 'made' || lock || !isIntact) revokeSudo(workshop, uid);
    else if (text !== renderSudoers(name, uid, policy.sudo)) await grantSudo(workshop, name, uid);
  }
}
