/** Makes writes durable together: see `createGroupCommit`. */
export interface GroupCommit {
  /**
   * Resolves after a sync that began after this call; rejects when that sync, or one it depends on, failed.
   * `name` is what was written, for `onFailure`.
   */
  commit(name: string): Promise<void>;
}

/**
 * Under load a sync is followed by a short pause, in which others join the next: files are made slowly while the
 * file system commits, so fewer syncs mean more puts a second and a shorter wait (measured on ext4).
 */
const GATHER_MS = 2;

interface Waiter {
  name: string;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * One `sync` for all who wait, never two at once. Whoever comes while a sync runs waits for the next one.
 * When a sync fails everybody who waits is rejected, also those of the next one: the kernel reports a failed
 * write once and then forgets it, so a later success says nothing about earlier entries. `onFailure` gets the names
 * of all of them before anybody is told. Before each sync `gathered` is waited for: by default one turn of the event
 * loop, so that the first who comes waits for nobody and what arrives with it joins.
 */
export function createGroupCommit(
  sync: () => Promise<void>,
  onFailure: (names: string[]) => void,
  gathered: () => Promise<void> = () => new Promise((resolve) => setImmediate(resolve)),
): GroupCommit {
  let waiting: Waiter[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      await gathered();
      const batch = waiting;
      waiting = [];
      try {
        await sync();
        for (const waiter of batch) waiter.resolve();
      } catch (error) {
        const all = [...batch, ...waiting];
        waiting = [];
        onFailure(all.map((waiter) => waiter.name));
        for (const waiter of all) waiter.reject(error);
      }
      if (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    }
    running = false;
  }

  return {
    commit(name) {
      return new Promise((resolve, reject) => {
        waiting.push({ name, resolve, reject });
        if (!running) void run();
      });
    },
  };
}
