import { messageOf } from '../../domain/errors.js';

/**
 * One stage of a start: when it fails, what was started before it is stopped again, in this order, so that the process
 * ends with the error rather than living on as half a daemon.
 */
export async function orUndo<T>(stage: Promise<T>, ...stops: (() => Promise<void>)[]): Promise<T> {
  try {
    return await stage;
  } catch (error) {
    for (const stop of stops) {
      await stop().catch((second: unknown) => {
        throw new Error(`${messageOf(error)}; and what was started could not be stopped: ${messageOf(second)}`);
      });
    }
    throw error;
  }
}
