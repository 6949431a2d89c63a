import express, { type Request, type Response, type Router } from 'express';
import { z } from 'zod';
import { Rejected } from '../domain/errors.js';
import { describeStep } from '../domain/step.js';
import { adoptProxmox } from '../reconcile/adopt.js';
import { approve } from '../reconcile/approval.js';
import { resync } from '../reconcile/resync.js';
import type { Outcome } from '../reconcile/settle.js';
import { sweep } from '../reconcile/sweep.js';
import { reconcilerStatus, type StatusPorts } from './status.js';

const whoBody = z.strictObject({ who: z.string().min(1).max(320), apply: z.boolean().default(true) });
const planBody = z.strictObject({ who: z.string().min(1).max(320).optional() });
const approveBody = z.strictObject({ hash: z.string().regex(/^[0-9a-f]{12}$/) });

/** One identity of a plan, as it is shown. */
export interface PlannedIdentity {
  oid: string;
  upn: string;
  result: Outcome['result'];
  steps: string[];
  why?: string | undefined;
}

/** What an operator may ask of the reconciler over its socket. Who may connect is decided by the socket's mode. */
export function reconcilerRoutes(ports: StatusPorts): Router {
  const { ctx, queue } = ports;
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
    response.end(`${JSON.stringify({ result: outcome?.result ?? 'failed' })}\n`);
  });
  router.post('/sweep', async (_request, response) => {
    const askedAt = ctx.clock.now();
    await queue.put('sweep');
    response.status(202).json({ askedAt });
  });
  router.post('/plan', async (request, response) => {
    const { who } = parse(planBody, request);
    const signal = whileConnected(response);
    if (who === undefined) {
      const report = await sweep(ctx, { apply: false }, signal);
      response.json({ record: report.record, identities: planned(report.outcomes), held: ctx.ledger.data.guard.held });
      return;
    }
    const outcome = await resync(ctx, who, false, () => undefined, signal);
    if (!outcome) throw new Rejected(`${who} cannot be planned: see "entramox resync ${who}"`);
    response.json({ identities: planned([outcome]), held: ctx.ledger.data.guard.held });
  });
  router.post('/approve', async (request, response) => {
    const { hash } = parse(approveBody, request);
    const approval = await approve(ctx, hash, 'operator');
    for (const key of approval.keys) await queue.put(key);
    response.json({ hash, identities: approval.plan.removals.length });
  });
  router.post('/adopt', async (request, response) => {
    const { who, apply } = parse(whoBody, request);
    const adopted = await adoptProxmox(ctx, who, apply, whileConnected(response));
    if (apply) await queue.put(`user:${adopted.oid}`);
    response.json(adopted);
  });
  return router;
}

/** Identities with something to do or to decide, in the order of their names. */
export function planned(outcomes: readonly Outcome[]): PlannedIdentity[] {
  return outcomes
    .filter((outcome) => outcome.result !== 'ignored' && outcome.result !== 'unchanged')
    .map(({ oid, prepared, result, steps, why }) => {
      const { verdict } = prepared.assessment;
      const upn = 'entry' in verdict ? verdict.entry.upn : oid;
      return { oid, upn, result, steps: steps.map(describeStep), why };
    })
    .sort((a, b) => (a.upn < b.upn ? -1 : 1));
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
