import type { AccountTarget } from '../domain/policy.js';
import { createOperatorClient } from '../operator/client.js';
import type { ReleaseAnswer } from '../operator/reconciler-routes.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { byRoot } from './parts/by-root.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface ReleaseOptions extends CommonOptions {
  yes?: boolean | undefined;
  target?: AccountTarget | undefined;
}

/**
 * Gives back what is looked after of somebody, as it is: shows it, does it with --yes. The reconciler lets go at once;
 * root tells the account agent, through its own command, which this runs or prints.
 */
export async function releaseCommand(who: string, options: ReleaseOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('release', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  const first = await client.call('POST', '/release', {
    who,
    apply: options.yes === true,
    targets: options.target && [options.target],
    claimedUser: claimedUser(),
  });
  if (first.status !== 200) return refusal(first, io);
  const answer = first.body as ReleaseAnswer;
  if (options.json) io.out(JSON.stringify(answer));
  else for (const line of render(answer)) io.out(line);
  const needsRoot = answer.parts.some((part) => part.byRoot);
  const outcome =
    needsRoot && (await byRoot(settings, ['release', '--oid', answer.oid], answer.applied, { ...options, io }));
  if (!answer.applied && !options.json) {
    io.out(answer.dryRun && options.yes ? 'nothing was changed: DRY_RUN is on' : 'nothing was changed; --yes does it');
  }
  return answer.applied && outcome && outcome !== 'done' ? ExitCode.failed : ExitCode.done;
}

function render({ upn, oid, parts, applied }: ReleaseAnswer): string[] {
  const lines = [`${upn} (${oid})`];
  for (const { target, name, standing, facts, steps, done } of parts) {
    const what = {
      ours: `${name} ${applied ? 'is' : 'would be'} given back`,
      released: `${name} was given back before`,
      none: `nothing of ours stands there; this person ${applied ? 'is' : 'would be'} left alone`,
    }[standing];
    lines.push(`${target}: ${what}`);
    for (const fact of facts) lines.push(`  ${fact}`);
    for (const step of steps) lines.push(`  ${done ? 'done' : 'would'}: ${step}`);
  }
  return lines;
}
