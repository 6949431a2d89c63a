import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { draftOf, removeTree } from './home.js';
import { listIfThere, statIfThere } from './if-there.js';
import type { Workshop } from './workshop.js';

/**
 * Removes what an agent that was killed left half written under names of ours: sudo rules, archives and homes that
 * were not in their place yet. To be called before the first request, when nothing of it can be in use. Returns what
 * was removed.
 */
export async function tidyUp({ ledger, policy, paths, run }: Workshop): Promise<string[]> {
  const rules = listIfThere(paths.sudoers)
    .filter((name) => /^\.entramox-\d+\.(tmp|former)$/.test(name))
    .map((name) => join(paths.sudoers, name));
  const archives = listIfThere(policy.archiveDir)
    .filter((name) => /^[a-z0-9_-]+-\d+\.tar\.partial$/.test(name))
    .map((name) => join(policy.archiveDir, name));
  const files = [...rules, ...archives].filter((file) => statIfThere(file)?.isFile());
  for (const file of files) rmSync(file);
  const known = new Set(listIfThere(policy.homeBase));
  const homes = ledger
    .entries()
    .map((entry) => draftOf(join(policy.homeBase, entry.name)))
    .filter((draft) => known.has(draft.slice(policy.homeBase.length + 1)));
  for (const draft of homes) await removeTree(run, draft);
  return [...files, ...homes];
}
