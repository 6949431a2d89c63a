import express, { type Request, type Response, type Router } from 'express';
import { z } from 'zod';
import { Rejected } from '../domain/errors.js';
import { parseGuid } from '../domain/identity.js';
import { type Adoption, adopt } from '../reconcile/adopt.js';
import { approve } from '../reconcile/approval.js';
import { confirmClock } from '../reconcile/confirm-clock.js';
import { compareWithTargets } from '../reconcile/disagreement.js';
import { reject } from '../reconcile/rejection.js';
import { knownAs, type Released, release } from '../reconcile/release.js';
import { type Repair, repairLedger } from '../reconcile/repair.js';
import { resync } from '../reconcile/resync.js';
import type { Outcome } from '../reconcile/settle.js';
import type { AgentLook } from '../targets/linux/target.js';
import { withoutSecrets } from '../telemetry/redact.js';
import { auditRequest, createOperatorPass } from './operator-pass.js';
import type { PeerOf } from './peer.js';
import { planAll, planOne } from './plan.js';
import { reconcilerStatus, type StatusPorts } from './status.js';
import { approvalView, type ClockAnswer, iso, type RejectionAnswer } from './views.js';

const who = z.string().min(1).max(320);
/** Who the command line says that the operator is: a word for the audit log, and no proof. */
const claimedUser = z
  .string()
  .regex(/^[\x20-\x7e]{1,128}$/)
  .optional();
const whoBody = z.strictObject({ who, apply: z.boolean().default(true), claimedUser });
const targets = z
  .array(z.enum(['linux', 'proxmox']))
  .min(1)
  .optional();
const adoptBody = z.strictObject({
  who,
  apply: z.boolean().default(false),
  targets,
  unixName: z.string().min(1).max(64).optional(),
  handedOver: z.boolean().optional(),
  claimedUser,
});
const releaseBody = z.strictObject({ who, apply: z.boolean().default(false), targets, claimedUser });
const identifyBody = z.strictObject({ who });
const restoredBody = z.strictObject({ who, said: z.string().max(500), claimedUser });
const sweepBody = z.strictObject({ claimedUser });
const clockBody = z.strictObject({ claimedUser });
const planBody = z.strictObject({ who: who.optional() });
const repairBody = z.strictObject({ apply: z.boolean().default(false), claimedUser });
const approveBody = z.strictObject({
  hash: z
    .string()
    .regex(/^[0-9a-f]{12}$/, 'a hash of 12 hexadecimal digits is expected, as "entramox status" shows it'),
  claimedUser,
});

/** What a look at the account agent found. */
export type AgentCheck = AgentLook;

/** What came of an adoption; not `applied`: the steps are those that would be done. */
export type AdoptionAnswer = Adoption & { applied: boolean; dryRun: boolean };

/** What came of a release; not `applied`: what would come of it. */
export type ReleaseAnswer = Released & { applied: boolean; dryRun: boolean };

/** Whom the ledger knows by that name. */
export interface IdentifyAnswer {
  oid: string;
  upn: string;
  unixName?: string | undefined;
}

/** What a repair did; not `applied`: what it would do. */
export interface RepairAnswer extends Repair {
  applied: boolean;
  /** What the ledger was made of, where its file could not be used. */
  basis?: readonly string[] | undefined;
}

export interface ReconcilerPorts extends StatusPorts {
  /** Asks the account agent whether it could write; undefined where this reconciler keeps no Linux accounts. */
  checkAccounts?: ((signal: AbortSignal) => Promise<AgentCheck>) | undefined;
  /** Who is at the other end of a connection. Default: asks the kernel. */
  peerOf?: PeerOf | undefined;
}

/** What an operator may ask of the reconciler over its socket. Who may connect is decided by the socket's mode. */
export function reconcilerRoutes(ports: ReconcilerPorts): Router {
  const { ctx, queue, checkAccounts } = ports;
  const operatorPass = createOperatorPass(ctx, ports.peerOf);
  const router = express.Router();
  router.use(express.json({ limit: '16kb' }));
  router.get('/status', async (_request, response) => {
    response.json(await reconcilerStatus(ports));
  });
  router.post('/resync', async (request, response) => {
    const { who, apply, claimedUser } = parse(whoBody, request);
    response.type('application/x-ndjson');
    const signal = whileConnected(response);
    const pass = await operatorPass(request, claimedUser, 'resync');
    if (apply) auditRequest(pass, 'resync', { oid: parseGuid(who), name: who });
    const tell = (line: unknown) => response.write(`${JSON.stringify(line, withoutSecrets)}\n`);
    const outcome = await resync(pass, who, apply, tell, signal);
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
  router.post('/sweep', async (request, response) => {
    const { claimedUser } = parse(sweepBody, request);
    auditRequest(await operatorPass(request, claimedUser), 'sweep');
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
    const pass = await operatorPass(request, claimedUser);
    const approval = await approve(pass, hash, 'operator', whileConnected(response), claimedUser);
    if (approval.approved) for (const key of approval.keys) await queue.put(key);
    response.json(approvalView(hash, approval));
  });
  router.post('/approve/clock', async (request, response) => {
    const { claimedUser } = parse(clockBody, request);
    const { why } = await confirmClock(await operatorPass(request, claimedUser), { operator: 'operator', claimedUser });
    await queue.put('sweep');
    const answer: ClockAnswer = { why, now: iso(ctx.clock.now()) };
    response.json(answer);
  });
  router.post('/reject', async (request, response) => {
    const { hash, claimedUser } = parse(approveBody, request);
    const { plan, until } = await reject(await operatorPass(request, claimedUser), hash, 'operator', claimedUser);
    const answer: RejectionAnswer = { hash, identities: plan.removals.length, until: iso(until) };
    response.json(answer);
  });
  router.post('/repair', async (request, response) => {
    const { apply, claimedUser } = parse(repairBody, request);
    const signal = whileConnected(response);
    const repair = await repairLedger(await operatorPass(request, claimedUser), { apply, claimedUser }, signal);
    if (apply) {
      await compareWithTargets(ctx, signal);
      await queue.put('sweep');
    }
    const answer: RepairAnswer = { ...repair, applied: apply && !ctx.dryRun };
    response.json(answer);
  });
  router.post('/adopt', async (request, response) => {
    const { who, ...options } = parse(adoptBody, request);
    const { apply, claimedUser } = options;
    const pass = await operatorPass(request, claimedUser);
    const adopted = await adopt(pass, who, options, whileConnected(response));
    if (apply) await queue.put(`user:${adopted.oid}`);
    const answer: AdoptionAnswer = { ...adopted, applied: apply && !ctx.dryRun, dryRun: ctx.dryRun };
    response.json(answer);
  });
  router.post('/release', async (request, response) => {
    const { who, ...options } = parse(releaseBody, request);
    const pass = await operatorPass(request, options.claimedUser);
    const released = await release(pass, who, options, whileConnected(response));
    const answer: ReleaseAnswer = { ...released, applied: options.apply && !ctx.dryRun, dryRun: ctx.dryRun };
    response.json(answer);
  });
  router.post('/identify', async (request, response) => {
    const { oid, upn, names } = knownAs(ctx, parse(identifyBody, request).who);
    const answer: IdentifyAnswer = { oid, upn, unixName: names.linux };
    response.json(answer);
  });
  router.post('/restored', async (request, response) => {
    const { who, said, claimedUser } = parse(restoredBody, request);
    const { oid, upn, names } = knownAs(ctx, who);
    const { audit } = await operatorPass(request, claimedUser);
    const name = names.linux;
    const about = { by: 'operator', action: 'restore', claimedUser, oid, upn, target: 'linux', name } as const;
    audit.append({ ...about, after: { said }, outcome: 'done' });
    audit.flush();
    response.json({ oid });
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
