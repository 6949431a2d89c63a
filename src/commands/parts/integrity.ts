import { ConfigError } from '../../config/problem.js';
import type { Settings } from '../../config/settings.js';
import { type IntegrityView, viewIntegrity } from '../../integrity/view.js';
import type { Log } from '../../telemetry/log.js';
import { programFile } from './program-file.js';

/** What may be relied upon in this process. */
export function integrityOf({ integrity }: Settings): IntegrityView {
  return viewIntegrity({ ...integrity, program: programFile(), node: process.execPath });
}

/**
 * Refuses the start where somebody else than root could change what is about to run or what it goes by; where that is
 * not enforced, says so. Throws ConfigError with each file and the command that mends it.
 */
export function requireIntegrity(settings: Settings, log: Log): void {
  const { enforced, why, distrusted, changed } = integrityOf(settings);
  if (enforced && distrusted.length > 0) {
    const problems = distrusted.map(({ path, why: value, mend }) => ({
      key: path,
      value,
      expected: 'something that only root can change',
      example: mend,
    }));
    throw new ConfigError(
      problems,
      'Nothing was started: whoever could change these files could become an administrator (INTEGRITY=enforce).',
      'the installation',
    );
  }
  if (!enforced) log('config.integrity.off', { why, distrusted: distrusted.length });
  if (changed.length > 0) log('config.integrity.changed', { files: changed });
}
