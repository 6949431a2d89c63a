import type { FuzzTarget } from '../target.js';
import { agentProtocol } from './agent-protocol.js';
import { auditLog } from './audit-log.js';
import { environment } from './environment.js';
import { graphReplies } from './graph-replies.js';
import { lakefsFiles } from './lakefs-files.js';
import { lakefsReplies } from './lakefs-replies.js';
import { lakefsSelection } from './lakefs-selection.js';
import { notifications } from './notifications.js';
import { proxmoxReplies } from './proxmox-replies.js';
import { spool } from './spool.js';
import { agentRecord, catchUpFile, checkpointFile, ledgerFile, subscriptionsFile } from './stored-files.js';
import { tokenDeclarations } from './token-declarations.js';

/** Everything that hostile input reaches. The environment is last: what it takes for secrets is masked from then on. */
export const targets: readonly FuzzTarget[] = [
  notifications,
  agentProtocol,
  spool,
  ledgerFile,
  agentRecord,
  subscriptionsFile,
  catchUpFile,
  checkpointFile,
  tokenDeclarations,
  auditLog,
  graphReplies,
  proxmoxReplies,
  lakefsReplies,
  lakefsSelection,
  lakefsFiles,
  environment,
];
