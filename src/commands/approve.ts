import { createOperatorClient } from '../operator/client.js';
import type { ApprovalAnswer, ClockAnswer } from '../operator/views.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { renderDifference } from './render/difference.js';
import { type CommonOptions, equip } from './settings-of.js';

/** Reading everything anew may take as long as a sweep's reading does. */
const PATIENCE_MS = 600_000;

/** What is approved in the place of a plan, to say that the clock of the host is right. */
export const CLOCK = 'clock';

/**
 * Lets exactly the plan with this hash go ahead; exit 3 with the difference where a fresh one is not the same. With
 * `clock` in the place of a hash: says that the clock of the host, which is in doubt, is right.
 */
export async function approveCommand(hash: string, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('approve', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket, { timeoutMs: PATIENCE_MS });
  if (hash === CLOCK) {
    const answer = await client.call('POST', '/approve/clock', { claimedUser: claimedUser() });
    if (answer.status !== 200) return refusal(answer, io);
    return showConfirmedClock(answer.body as ClockAnswer, options, io);
  }
  const answer = await client.call('POST', '/approve', { hash, claimedUser: claimedUser() });
  if (answer.status !== 200) return refusal(answer, io);
  return showApproval(answer.body as ApprovalAnswer, options, io);
}

/** Tells that the clock counts as right. */
export function showConfirmedClock(answer: ClockAnswer, options: CommonOptions, io: Io): ExitCode {
  const { why, now } = answer;
  if (options.json) io.out(JSON.stringify(answer));
  else io.out(`the clock counts as right: it is ${now}. Until now: ${why}. A sweep does what waited for that alone`);
  return ExitCode.done;
}

/** Tells what came of an approval. */
export function showApproval(answer: ApprovalAnswer, options: CommonOptions, io: Io): ExitCode {
  if (options.json) io.out(JSON.stringify(answer));
  else if (answer.approved) {
    io.out(
      `approved ${answer.hash}: ${answer.identities} identities are read once more, and then it is done as planned`,
    );
  } else for (const line of renderDifference(answer, io)) io.out(line);
  return answer.approved ? ExitCode.done : ExitCode.held;
}
