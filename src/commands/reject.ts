import { createOperatorClient } from '../operator/client.js';
import type { RejectionAnswer } from '../operator/views.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { type CommonOptions, equip } from './settings-of.js';

/** Drops exactly the held plan with this hash: whom it concerns is kept as they are for a while. */
export async function rejectCommand(hash: string, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('approve', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  const answer = await client.call('POST', '/reject', { hash, claimedUser: claimedUser() });
  if (answer.status !== 200) return refusal(answer, io);
  const { identities, until } = answer.body as RejectionAnswer;
  if (options.json) io.out(JSON.stringify(answer.body));
  else {
    io.out(`rejected ${hash}: nothing is taken from these ${identities} identities until ${until}`);
    io.out('mend what made them leavers; entramox status lists them for as long as they are kept');
  }
  return ExitCode.done;
}
