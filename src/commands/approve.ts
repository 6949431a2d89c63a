import { createOperatorClient } from '../operator/client.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { type CommonOptions, equip } from './settings-of.js';

/** Lets exactly the held plan with this hash go ahead. */
export async function approveCommand(hash: string, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('approve', options, io);
  const answer = await createOperatorClient(settings.paths.operatorSocket).call('POST', '/approve', {
    hash,
    claimedUser: claimedUser(),
  });
  if (answer.status !== 200) return refusal(answer, io);
  const { identities } = answer.body as { identities: number };
  if (options.json) io.out(JSON.stringify(answer.body));
  else io.out(`approved ${hash}: ${identities} identities are read once more and then removed as planned`);
  return ExitCode.done;
}
