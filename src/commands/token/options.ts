import type { CommonOptions } from '../settings-of.js';

export interface TokenOptions extends CommonOptions {
  /** A file with `user@realm!id=secret` of somebody who may change roles, users and rights. */
  adminTokenFile?: string | undefined;
  adopt?: boolean | undefined;
  prune?: boolean | undefined;
}
