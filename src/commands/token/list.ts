import { type TokenEnd, tokenEndOf } from '../../targets/proxmox/tokens/ends.js';
import { fullId } from '../../targets/proxmox/tokens/entries.js';
import { isOwnUser } from '../../targets/proxmox/tokens/marks.js';
import { showExpiry, type TokenPlan, type TokenStep } from '../../targets/proxmox/tokens/plan.js';
import { type Looked, lookAtTokens } from '../../targets/proxmox/tokens/setup.js';
import type { Standing } from '../../targets/proxmox/tokens/standing.js';
import { secondsIso } from '../../targets/proxmox/tokens/token-mark.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { equip } from '../settings-of.js';
import { describeStep } from './describe.js';
import { knowingOthers } from './elsewhere.js';
import type { TokenOptions } from './options.js';
import { withTokens } from './with-tokens.js';

const PATIENCE_MS = 60_000;

/**
 * Every declared token with what stands in Proxmox differently, and Entramox's own where "token self" has made it. Writes
 * nothing. Exit 1 where anything stands differently.
 */
export async function tokenList(file: string, options: TokenOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('status', options, io);
  return withTokens(file, { ...options, own: true }, io, async (ports) => {
    const looked = await lookAtTokens(knowingOthers(ports, settings, file), AbortSignal.timeout(PATIENCE_MS));
    const { plan, standings } = looked;
    const listed = standings.filter(({ token }) => !token.besides || isOwnThere(token.owner, looked));
    const rows = listed.map((standing) => rowOf(standing, looked, ports.clock.now()));
    const remarks = [...plan.remarks, ...listed.filter(isElsewhere).map(elsewhere)];
    if (options.json) io.out(JSON.stringify({ tokens: rows, remarks }));
    else {
      for (const row of rows) for (const line of linesOf(row)) io.out(line);
      for (const remark of remarks) io.err(`note: ${remark}`);
    }
    return rows.every(({ drift }) => drift.length === 0) ? ExitCode.done : ExitCode.failed;
  });
}

/** Without, Proxmox may have been prepared by hand, which is nothing that differs. */
function isOwnThere(owner: string, { ports }: Looked): boolean {
  return isOwnUser(ports.observed.owners.get(owner)?.comment ?? '');
}

/** Where `token self --out` has put the secret is known to the units alone; that it is not in the usual place is no drift. */
function isElsewhere({ token, secret }: Standing): boolean {
  return token.besides !== undefined && secret?.state === 'absent';
}

function elsewhere({ token }: Standing): string {
  return `the secret of ${fullId(token)} does not lie in ${token.sink.place}; where it was put elsewhere with "token self --out", "entramox doctor" tells whether it works`;
}

function rowOf(standing: Standing, { plan, ports }: Looked, now: number) {
  const { token, secret } = standing;
  const { owner, role, paths, privsep, sink } = token;
  const end = tokenEndOf(standing, ports.observed, now);
  const seen = ports.observed.owners.get(owner)?.tokens.get(token.name);
  return {
    token: fullId({ owner, name: token.family ?? token.name }),
    current: seen && fullId(token),
    owner,
    role,
    paths,
    besides: (token.besides ?? []).map((grant) => ({ role: grant.role, paths: grant.paths })),
    privsep,
    expires: showExpiry(seen?.expire ?? token.expire),
    rotated: shownInstant(end?.since),
    rotates: shownInstant(end?.rotatesAt),
    former: (end?.former ?? []).map((one) => ({ token: one.token, revokeAfter: secondsIso(one.revokeAfter) })),
    sink: sink.place,
    secret: secret?.state,
    drift: isElsewhere(standing) ? [] : driftOf(standing, plan),
  };
}

type Row = ReturnType<typeof rowOf>;

function linesOf(row: Row): string[] {
  const { token, current, role, paths, besides, privsep, expires, rotated, rotates, former, sink, drift } = row;
  const roles = [{ role, paths }, ...besides].map((grant) => `${grant.role} on ${grant.paths.join(', ')}`);
  const rights = `${roles.join(', ')}${privsep ? ', rights of its own' : ''}`;
  const standing = drift.length === 0 ? 'as declared' : 'DIFFERS';
  const named = current === undefined || current === token ? token : `${token} (now ${current})`;
  return [
    `${named}  ${rights}  expires ${expires}  ${sink}  ${standing}`,
    ...(rotated ? [`    its secret is of ${rotated}${rotates ? `, the next one is due at ${rotates}` : ''}`] : []),
    ...former.map((one) => `    ${one.token} may be used until ${one.revokeAfter}`),
    ...drift.map((one) => `    ${one}`),
  ];
}

function shownInstant(at: TokenEnd['since']): string | undefined {
  return at === undefined ? undefined : secondsIso(at);
}

function driftOf({ token }: Standing, { steps, conflicts }: TokenPlan): string[] {
  const id = fullId(token);
  return [
    ...conflicts.filter((conflict) => conflict.token === id).map(({ why, remedy }) => `${why}; ${remedy}`),
    ...steps.filter((step) => concerns(step, token)).map((step) => `would ${describeStep(step)}`),
  ];
}

function concerns(step: TokenStep, token: Standing['token']): boolean {
  if ('declaration' in step) return fullId(step.declaration) === fullId(token);
  if ('entry' in step) return [token.owner, fullId(token)].includes(step.entry.ugid);
  if ('role' in step) return [token, ...(token.besides ?? [])].some(({ role }) => role === step.role);
  return step.owner === token.owner && (!('name' in step) || step.name === token.name);
}
