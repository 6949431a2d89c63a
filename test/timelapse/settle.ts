import { stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Counts up with everything that moves in the real event loop on behalf of the virtual world. */
export interface Motion {
  note(): void;
  /** Resolves when nothing moves any more that only real time would move: no call, no file, no notification. */
  settled(): Promise<void>;
}

const CALM_TURNS = 3;

export function createMotion(): Motion {
  let moved = 0;
  return {
    note() {
      moved += 1;
    },
    async settled() {
      let seen = -1;
      for (let turns = 0; turns < CALM_TURNS; ) {
        // Queued behind the other work on files, so that nothing spins while that is done.
        if (isUsingFiles()) await stat('/');
        await nextTurn();
        turns = moved !== seen || isUsingFiles() ? 0 : turns + 1;
        seen = moved;
      }
    },
  };
}

function isUsingFiles(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq') || name === 'CloseReq');
}
