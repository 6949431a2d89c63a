import type { Settings } from '../../config/settings.js';
import type { SetupPorts } from '../../targets/proxmox/tokens/setup.js';
import { bootstrapPaths } from '../parts/bootstrap-paths.js';
import { ownersElsewhere } from '../parts/token-ends-file.js';

/**
 * The same, knowing what other files of declarations speak of, which is not to be taken for left over. Throws where
 * that is to be removed and cannot be known.
 */
export function knowingOthers(ports: SetupPorts, { paths }: Pick<Settings, 'paths'>, file: string): SetupPorts {
  try {
    return { ...ports, elsewhere: ownersElsewhere(bootstrapPaths(paths).tokenExpiries, file) };
  } catch (error) {
    if (ports.prune) throw error;
    return ports;
  }
}
