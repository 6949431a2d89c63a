import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { changedFiles } from './changes.js';
import { CONFIG_MANIFEST, PROGRAM_MANIFEST, readManifest } from './manifest.js';
import type { Distrust } from './places.js';
import { distrustOfFiles } from './root-only.js';

/** What may be relied upon here, and what is relied upon although it may not be. */
export interface IntegrityView {
  /** A start is refused where somebody else than root could change program, policy or configuration. */
  enforced: boolean;
  /** Why it is not enforced. */
  why?: string | undefined;
  /** What stands against relying on program, policy or configuration; with `enforced` nothing, or it would not run. */
  distrusted: readonly Distrust[];
  /** When `integrity seal` last recorded what is installed, ISO 8601 in UTC; missing: never. */
  sealedAt?: string | undefined;
  /** Configuration that is not as it was sealed. */
  changed: readonly string[];
}

export interface IntegrityOptions {
  /** What INTEGRITY says; without it, a program under /usr is an installation, where it is enforced. */
  mode: 'enforce' | 'report' | undefined;
  /** Configuration, policy, certificates: what is acted upon. */
  files: readonly string[];
  program: string;
  node: string;
}

/** Looks at all of it, as far as this process may. */
export function viewIntegrity({ mode, files, program, node }: IntegrityOptions): IntegrityView {
  const installed = program.startsWith('/usr/');
  const enforced = mode === undefined ? installed : mode === 'enforce';
  const beside = ['accounts.js', 'package.json', 'entramox-integrity'].map((name) => join(dirname(program), name));
  const config = readManifest(CONFIG_MANIFEST);
  return {
    enforced,
    why: enforced ? undefined : reason(mode, program),
    distrusted: distrustOfFiles([program, ...beside, node, ...files]),
    sealedAt: readManifest(PROGRAM_MANIFEST)?.sealedAt,
    changed: config ? changedFiles(config, existsSync) : [],
  };
}

function reason(mode: IntegrityOptions['mode'], program: string): string {
  return mode === 'report' ? 'INTEGRITY=report' : `${program} is no installation under /usr`;
}
