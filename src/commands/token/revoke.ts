import { messageOf } from '../../domain/errors.js';
import { fullId } from '../../targets/proxmox/tokens/entries.js';
import { planRevocation } from '../../targets/proxmox/tokens/revocation.js';
import { forgetDead, revokeToken } from '../../targets/proxmox/tokens/revoke.js';
import { lookAtStandings } from '../../targets/proxmox/tokens/setup.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { withBootstrapAudit } from '../parts/bootstrap-audit.js';
import { equip } from '../settings-of.js';
import { keepEnds } from './keep-ends.js';
import type { TokenOptions } from './options.js';
import { withTokens } from './with-tokens.js';

const PATIENCE_MS = 5 * 60_000;

export interface RevokeOptions extends TokenOptions {
  yes?: boolean | undefined;
}

interface Outcome {
  token: string;
  result: 'planned' | 'revoked' | 'failed';
  error?: string | undefined;
}

/** Ends a token, or all that stand for a declaration; without --yes it says which. Exit 1 where one lives on. */
export async function tokenRevoke(which: string, file: string, options: RevokeOptions, io: Io): Promise<ExitCode> {
  const { settings, log } = equip('status', options, io);
  return withTokens(file, { ...options, own: true }, io, async (ports) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const look = async () => {
      const { observed } = await lookAtStandings(ports, signal);
      return { observed, revocation: planRevocation(which, ports.declared, observed) };
    };
    if (!options.yes || settings.dryRun) {
      const { revocation } = await look();
      if (!revocation.ok) return refuse(revocation.why, io);
      const outcomes = revocation.doomed.map((token): Outcome => ({ token: fullId(token), result: 'planned' }));
      if (settings.dryRun) io.err('DRY_RUN is on: nothing is written');
      return tell(outcomes, revocation.remarks, options, io);
    }
    return withBootstrapAudit({ settings, verb: 'token revoke', log, pbs: options.pbs }, async (record) => {
      const { observed, revocation } = await look();
      if (!revocation.ok) return refuse(revocation.why, io);
      const outcomes: Outcome[] = [];
      const remarks = [...revocation.remarks];
      const revoking = { client: ports.client, openSink: ports.openSink, observed, record };
      for (const token of revocation.doomed) {
        try {
          remarks.push(...(await revokeToken(token, 'an operator revoked it', revoking, signal)));
          outcomes.push({ token: fullId(token), result: 'revoked' });
        } catch (error) {
          outcomes.push({ token: fullId(token), result: 'failed', error: messageOf(error) });
        }
      }
      const gone = outcomes.filter(({ result }) => result === 'revoked').map(({ token }) => token);
      if (revocation.whole) remarks.push(...(await forgetDead(revocation.whole, new Set(gone), revoking)));
      await keepEnds({ settings, file, ports, log, io }, signal);
      return tell(outcomes, remarks, options, io);
    });
  });
}

function refuse(why: string, io: Io): ExitCode {
  io.err(why);
  return ExitCode.failed;
}

function tell(outcomes: readonly Outcome[], remarks: readonly string[], { json }: RevokeOptions, io: Io): ExitCode {
  const changed = outcomes.some(({ result }) => result === 'revoked');
  if (json) io.out(JSON.stringify({ changed, tokens: outcomes, remarks }));
  else {
    for (const { token, result, error } of outcomes) {
      if (result === 'planned') io.out(`would revoke ${token}; --yes does it`);
      else io.out(`${result}: ${token}${error ? `: ${error}` : ''}`);
    }
    if (outcomes.length === 0) io.out('nothing to do: there is no such token any more');
    for (const remark of remarks) io.err(`note: ${remark}`);
  }
  return outcomes.some(({ result }) => result === 'failed') ? ExitCode.failed : ExitCode.done;
}
