import type { Request } from 'express';
import type { Context } from '../reconcile/context.js';
import { auditDecision, inPass } from '../reconcile/pass.js';
import { auditOperator, createPeerOf, type PeerOf } from './peer.js';

/** Begins the pass that an operator asked for over the socket. `claimedUser`: who the command line says that it is. */
export type OperatorPass = (
  request: Request,
  claimedUser: string | undefined,
  by?: 'operator' | 'resync',
) => Promise<Context>;

/** Every audit record and log line of such a pass names the operator, by the kernel's word where it can be had. */
export function createOperatorPass(ctx: Context, peerOf: PeerOf = createPeerOf()): OperatorPass {
  return async (request, claimedUser, by = 'operator') => {
    const operator = auditOperator(await peerOf(request.socket), claimedUser);
    return inPass(ctx, { by, operator });
  };
}

/** Puts on record what an operator asked for where the work itself is done later, or tells nothing of who asked. */
export function auditRequest(pass: Context, action: string, who?: { oid?: string | undefined; name?: string }): void {
  auditDecision(pass, { kind: 'decision', by: 'operator', action, ...who, outcome: 'asked' }, true);
}
