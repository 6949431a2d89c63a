/** Why a request was not done. `busy`, `too-early` and `ceiling` may succeed later; the others need a change first. */
export type ErrorCode = 'invalid' | 'refused' | 'conflict' | 'too-early' | 'ceiling' | 'busy' | 'failed';

/** What the agent answers instead of a result. The message names the thing and the value, the remedy what to do. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly remedy?: string,
    /** What keeps the agent from doing anything at all, where that is it. */
    readonly blocked?: 'policy' | 'tools',
  ) {
    super(message);
  }
}

/** Anything thrown as an AgentError; what nobody foresaw becomes `failed`. */
export function toAgentError(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  return new AgentError('failed', messageOf(error));
}

/** The words of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of an error of the file system, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
