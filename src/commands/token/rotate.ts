import type { Settings } from '../../config/settings.js';
import { fullId } from '../../targets/proxmox/tokens/entries.js';
import type { Rotated, RotationStepResult } from '../../targets/proxmox/tokens/rotate.js';
import type { Rotation, RotationStep, RotationWish } from '../../targets/proxmox/tokens/rotation.js';
import { lookAtRotations, rotateTokens } from '../../targets/proxmox/tokens/rotations.js';
import { secondsIso } from '../../targets/proxmox/tokens/token-mark.js';
import type { ExpiryView } from '../../telemetry/expiry.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { withBootstrapAudit } from '../parts/bootstrap-audit.js';
import { bootstrapPaths } from '../parts/bootstrap-paths.js';
import { believedUntil } from '../parts/token-ends-file.js';
import { equip } from '../settings-of.js';
import { keepEnds } from './keep-ends.js';
import type { TokenOptions } from './options.js';
import { whichTokens } from './which.js';
import { withTokens } from './with-tokens.js';

const PATIENCE_MS = 15 * 60_000;

export interface RotateOptions extends TokenOptions {
  /** All that are due, for a timer, rather than one that somebody names. */
  due?: boolean | undefined;
  /** The former secret ends at once. */
  immediate?: boolean | undefined;
}

/**
 * Makes new secrets and ends those whose time is over: of one token, or of all that are due. Exit 1 where one could not
 * be done, and the others were.
 */
export async function tokenRotate(
  which: string | undefined,
  file: string,
  options: RotateOptions,
  io: Io,
): Promise<ExitCode> {
  const { settings, log } = equip('status', options, io);
  const wish: RotationWish = options.due ? 'due' : options.immediate ? 'immediate' : 'asked';
  return withTokens(file, { ...options, own: true }, io, async (ports) => {
    const wanted = whichTokens(which, ports.declared, file, io);
    if (!wanted) return ExitCode.usage;
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const believed = wish === 'due' ? clockBelief(settings, file) : undefined;
    const look = () => lookAtRotations(ports, wish, (token) => wanted.includes(token), signal, believed);
    if (believed !== undefined && believed < ports.clock.now()) {
      io.err(
        'note: the clock is more than 30 days ahead of the last run: overlaps that end by it end with the next run',
      );
    }
    if (settings.dryRun) {
      const { rotations } = await look();
      io.err('DRY_RUN is on: nothing is written');
      const only = rotations.map((rotation) => ({ rotation }));
      return tell({ all: only, expiring: [] }, options, io);
    }
    return withBootstrapAudit(
      { settings, verb: options.due ? 'token rotate --due' : 'token rotate', log, pbs: options.pbs },
      async (record) => {
        const looked = await look();
        if (wish === 'immediate' && !looked.canRegenerate) {
          const why = `Proxmox VE ${looked.version} cannot make a new secret for the same token (9.1 can)`;
          io.err(`note: ${why}: the token gets another id, and the former one is revoked as soon as the new one works`);
        }
        const all = await rotateTokens(ports, looked, signal, record);
        return tell({ all, expiring: await keepEnds({ settings, file, ports, log, io }, signal) }, options, io);
      },
    );
  });
}

/** undefined: nobody has looked before, or what was kept cannot be read, which keeping it anew will mend. */
function clockBelief(settings: Pick<Settings, 'paths'>, file: string): number | undefined {
  try {
    return believedUntil(bootstrapPaths(settings.paths).tokenExpiries, file);
  } catch {
    return undefined;
  }
}

interface Outcome {
  all: readonly Told[];
  expiring: readonly ExpiryView[];
}

interface Told {
  rotation: Rotation;
  /** undefined: it was only looked at. */
  rotated?: Rotated | undefined;
}

function tell({ all, expiring }: Outcome, { json }: RotateOptions, io: Io): ExitCode {
  const tokens = all.map(viewOf);
  const isWell = tokens.every(({ problem, steps }) => !problem && steps.every(({ result }) => result !== 'failed'));
  const changed = tokens.some(({ steps }) => steps.some(({ result }) => result === 'done'));
  if (json) io.out(JSON.stringify({ changed, tokens, expiring }));
  else {
    for (const { token, current, why, problem, steps, remarks } of tokens) {
      if (problem) io.err(`error: ${token}: ${problem}`);
      else
        io.out(
          `${token}: ${steps.length === 0 ? 'nothing to do: ' : ''}${why}${current === token ? '' : ` (now ${current})`}`,
        );
      for (const { step, result, error } of steps) io.out(`    ${result}: ${step}${error ? `: ${error}` : ''}`);
      for (const remark of remarks) io.err(`note: ${remark}`);
    }
  }
  return isWell ? ExitCode.done : ExitCode.failed;
}

function viewOf({ rotation, rotated }: Told) {
  const { standing, why, problem } = rotation;
  const { token } = standing;
  const results: readonly (RotationStepResult | { step: RotationStep; result: 'planned' })[] =
    rotated?.steps ?? rotation.steps.map((step) => ({ step, result: 'planned' as const }));
  return {
    token: fullId({ owner: token.owner, name: token.family ?? token.name }),
    current: rotated?.current ?? fullId(token),
    why,
    problem: problem && `${problem.why}; ${problem.remedy}`,
    steps: results.map(({ step, ...outcome }) => ({
      step: describeRotationStep(step, token.owner),
      result: outcome.result,
      error: 'error' in outcome ? outcome.error : undefined,
    })),
    remarks: rotated?.remarks ?? [],
  };
}

function describeRotationStep(step: RotationStep, owner: string): string {
  const id = fullId({ owner, name: step.name });
  switch (step.do) {
    case 'discard':
      return `delete the token ${id}, whose secret was never stored`;
    case 'confirm':
      return `note that the secret of ${id} is stored`;
    case 'succeed':
      return `make the token ${id}, ask with it what it may do, and store its secret`;
    case 'regenerate':
      return `make a new secret for ${id}, and store it; the former one is dead`;
    case 'supersede':
      return `let ${id} be used until ${secondsIso(step.revokeAfter)}`;
    case 'revoke':
      return `revoke ${id}`;
    default:
      return step satisfies never;
  }
}
