import express, { type Request, type Response, type Router } from 'express';
import { z } from 'zod';
import { Rejected } from '../domain/errors.js';
import { parseGuid } from '../domain/identity.js';
import { type Adoption, adoptProxmox } from '../reconcile/adopt.js';
import { approve } from '../reconcile/approval.js';
import { resync } from '../reconcile/resync.js';
import type { Outcome } from '../reconcile/settle.js';
import { planAll, planOne } from './plan.js';
import { reconcilerStatus, type StatusPorts } from './status.js';
import { iso } from './views.js';

const who = z.string().min(1).max(320);
/** Who the command line says that the operator is: a word for the audit log, and no proof. */
const claimedUser = z
  .string()
  .regex(/^[\x20-\x7e]{1,128}$/)
  .optional();
const whoBody = z.strictObject({ who, apply: z.boolean().default(true), claimedUser });
const planBody = z.strictObject({ who: who.optional() });
const approveBody = z.strictObject({
  hash: z
    .string()
    .regex(/^[0-9a-f]{12}$/, 'a hash of 12 hexadecimal digits is expected, as "entramox status" shows it'),
  claimedUser,
});

/** What a look at the account agent found. */
export interface AgentCheck {
  ok: boolean;
  saw: string;
  mend?: string | undefined;
}

/** What came of an adoption; not `applied`: the steps are those that would be done. */
export type AdoptionAnswer = Adoption & { applied: boolean };

export interface ReconcilerPorts extends StatusPorts {
  /** Asks the account agent whether it could write; undefined where this reconciler keeps no Linux accounts. */
  checkAccounts?: ((signal: AbortSignal) => Promise<AgentCheck>) | undefined;
}

/** What an operator may ask of the reconciler over its socket. Who may connect is decided by the socket's mode. */
export function reconcilerRoutes(ports: ReconcilerPorts): Router {
  const { ctx, queue, checkAccounts } = ports;
  const router = express.Router();
  router.use(express.json({ limit: '16kb' }));
  router.get('/status', async (_request, response) => {
    response.json(await reconcilerStatus(ports));
  });
  router.post('/resync', async (request, response) => {
    const { who, apply } = parse(whoBody, request);
    response.type('application/x-ndjson');
    const signal = whileConnected(response);
    const tell = (line: unknown) => response.write(`${JSON.stringify(line)}\n`);
    const outcome = await resync(ctx, who, apply, tell, signal);
    // What this pass could not bring to an end (also because the operator hung up) the queue does.
    const oid = outcome?.oid ?? parseGuid(who) ?? ctx.ledger.findByUpn(who)?.oid;
    if (apply && oid && isUnfinished(outcome)) await queue.put(`user:${oid}`);
    response.end(`${JSON.stringify({ result: outcome?.result ?? 'failed' })}\n`);
  });
  if (checkAccounts) {
    router.get('/checks/accounts', async (_request, response) => {
      response.json(await checkAccounts(whileConnected(response)));
    });
  }
  router.post('/sweep', async (_request, response) => {
    const askedAt = iso(ctx.clock.now());
    await queue.put('sweep');
    response.status(202).json({ askedAt });
  });
  router.post('/plan', async (request, response) => {
    const { who } = parse(planBody, request);
    const signal = whileConnected(response);
    if (who === undefined) {
      response.json(await planAll(ctx, signal));
      return;
    }
    response.json(await planOne(ctx, who, signal));
  });
  router.post('/approve', async (request, response) => {
    const { hash, claimedUser } = parse(approveBody, request);
    const approval = await approve(ctx, hash, 'operator', claimedUser);
    for (const key of approval.keys) await queue.put(key);
    response.json({ hash, identities: approval.plan.removals.length });
  });
  router.post('/adopt', async (request, response) => {
    const { who, apply, claimedUser } = parse(whoBody, request);
    const adopted = await adoptProxmox(ctx, who, apply, whileConnected(response), claimedUser);
    if (apply) await queue.put(`user:${adopted.oid}`);
    const answer: AdoptionAnswer = { ...adopted, applied: apply && !ctx.dryRun };
    response.json(answer);
  });
  return router;
}

function isUnfinished(outcome: Outcome | undefined): boolean {
  return outcome === undefined || ['confirming', 'unknown', 'failed'].includes(outcome.result);
}

function parse<T>(schema: z.ZodType<T>, request: Request): T {
  const result = schema.safeParse(request.body ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Rejected(`the request is wrong at ${issue?.path.join('.') || 'the top'}: ${issue?.message}`);
}

/** Aborts when the operator hangs up, so that nobody's patience keeps a read going. */
function whileConnected(response: Response): AbortSignal {
  const gone = new AbortController();
  response.on('close', () => gone.abort(new Rejected('the operator hung up')));
  return gone.signal;
}
