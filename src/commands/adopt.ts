import { createOperatorClient } from '../operator/client.js';
import type { AdoptionAnswer } from '../operator/reconciler-routes.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface AdoptOptions extends CommonOptions {
  yes?: boolean | undefined;
}

/**
 * Takes an existing Proxmox user of somebody in scope under management. Shows what would change; does it with --yes.
 * A Linux account is adopted by root on its host, through the account agent's own command, which is printed.
 */
export async function adoptCommand(who: string, options: AdoptOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('adopt', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  const answer = await client.call('POST', '/adopt', {
    who,
    apply: options.yes === true,
    claimedUser: claimedUser(),
  });
  if (answer.status !== 200) return refusal(answer, io);
  const { oid, name, unixName, first, steps, applied } = answer.body as AdoptionAnswer;
  if (options.json) {
    io.out(JSON.stringify(answer.body));
    return ExitCode.done;
  }
  if (steps.length === 0) io.out(`${name} is managed already`);
  if (first && !applied) io.out(`first, as root on a Proxmox node: ${first}`);
  for (const step of steps) io.out(`${applied ? 'done' : 'would'}: ${step}`);
  if (steps.length > 0 && !applied) {
    io.out(options.yes ? 'nothing was changed: DRY_RUN is on' : 'nothing was changed; run it again with --yes');
  }
  const account = `entramox accounts adopt --oid ${oid} --name ${unixName ?? 'NAME'}`;
  io.out(`a Linux account is adopted by root on its host: ${account}`);
  return ExitCode.done;
}
