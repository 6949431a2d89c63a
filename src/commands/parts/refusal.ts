import type { Answer } from '../../operator/client.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';

/** Prints why the daemon refused. 422 and 409 are the asker's to settle, the rest is a failure. */
export function refusal(answer: Answer, io: Io): ExitCode {
  const { error, remedy } = (answer.body ?? {}) as { error?: string; remedy?: string };
  io.err(error ?? `the daemon answered ${answer.status}`);
  if (remedy) io.err(`remedy: ${remedy}`);
  return answer.status === 422 ? ExitCode.usage : ExitCode.failed;
}
