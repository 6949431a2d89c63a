import type { AccountTarget } from '../domain/policy.js';
import { createOperatorClient } from '../operator/client.js';
import type { AdoptionAnswer } from '../operator/reconciler-routes.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { byRoot } from './parts/by-root.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface AdoptOptions extends CommonOptions {
  yes?: boolean | undefined;
  target?: AccountTarget | undefined;
  /** The Linux account, where its name is not the one that the rule would give. */
  name?: string | undefined;
}

/**
 * Takes what exists of somebody in scope under management: shows what stands there and what would change, does it with
 * --yes. A Linux account is handed over by root: run as root, this does it through the account agent's own command;
 * otherwise it prints that command, and ends with 1 as something is left to do.
 */
export async function adoptCommand(who: string, options: AdoptOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('adopt', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  const call = (body: object) => client.call('POST', '/adopt', { who, claimedUser: claimedUser(), ...body });
  const wish = { targets: options.target && [options.target], unixName: options.name };
  const preview = await call({ ...wish, apply: false });
  if (preview.status !== 200) return refusal(preview, io);
  let answer = preview.body as AdoptionAnswer;
  const { oid, parts, dryRun } = answer;
  const handover = parts.find(({ byRoot: needed, standing }) => needed && standing === 'adoptable');
  const args = handover && ['adopt', '--oid', oid, '--name', handover.name];
  const isBarred = parts.some(({ first }) => first !== undefined);
  if (!options.yes || dryRun) {
    if (options.json) io.out(JSON.stringify(answer));
    else for (const line of render(answer)) io.out(line);
    if (args) await byRoot(settings, args, false, { ...options, io });
    if (!options.json)
      io.out(options.yes ? 'nothing was changed: DRY_RUN is on' : 'nothing was changed; --yes does it');
    return ExitCode.done;
  }
  // The account first: as soon as the rest is done the reconciler looks, and would make one of its own.
  const outcome = args && !isBarred ? await byRoot(settings, args, true, { ...options, io }) : undefined;
  const isLeft = outcome !== undefined && outcome !== 'done';
  if (isLeft && options.name !== undefined) {
    io.err('nothing else was changed');
    return ExitCode.failed;
  }
  const done = await call({ ...wish, apply: true, handedOver: outcome === 'done' });
  if (done.status !== 200) return refusal(done, io);
  answer = done.body as AdoptionAnswer;
  if (options.json) io.out(JSON.stringify(answer));
  else for (const line of render(answer)) io.out(line);
  return isLeft ? ExitCode.failed : ExitCode.done;
}

function render({ upn, oid, parts, applied }: AdoptionAnswer): string[] {
  const lines = [`${upn} (${oid})`];
  for (const { target, name, standing, facts, steps, next, first, why, remedy, done } of parts) {
    if (standing === 'none' || standing === 'refused') {
      lines.push(`${target}: ${why ?? `nothing to adopt named ${name}`}`);
      if (standing === 'refused') lines.push(`  not adopted${remedy ? `: ${remedy}` : ''}`);
      continue;
    }
    lines.push(standing === 'managed' ? `${target}: ${name} is managed already` : `${target}: ${name}`);
    for (const fact of facts) lines.push(`  is: ${fact}`);
    if (first && !applied) lines.push(`  first, as root on a Proxmox node: ${first}`);
    for (const step of steps) lines.push(`  ${done ? 'done' : 'would'}: ${step}`);
    for (const step of next) lines.push(`  then: ${step}`);
  }
  return lines;
}
