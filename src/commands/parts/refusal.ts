import type { Answer } from '../../operator/client.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';

/** Prints why the daemon refused. 422 is wrong usage, 503 a source that cannot be read, the rest a failure. */
export function refusal(answer: Answer, io: Io): ExitCode {
  const { error, remedy } = (answer.body ?? {}) as { error?: string; remedy?: string };
  io.err(error ?? `the daemon answered ${answer.status}`);
  if (remedy) io.err(`remedy: ${remedy}`);
  if (answer.status === 422) return ExitCode.usage;
  return answer.status === 503 ? ExitCode.degraded : ExitCode.failed;
}
