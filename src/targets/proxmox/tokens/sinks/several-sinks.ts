import { messageOf, Rejected } from '../../../../domain/errors.js';
import type { StoredToken } from '../stored-token.js';
import type { DeadToken, Forgotten, PutBack, Sink } from './sink.js';
import { afterwards, storeProved } from './store-proved.js';

/**
 * One secret in several places. It counts as stored where all of them have it, and is read from the first that gives
 * one. Where one place fails, those before it get back what they had.
 */
export function createSeveralSinks(sinks: readonly [Sink, ...Sink[]]): Sink {
  const place = sinks.map((sink) => sink.place).join(', ');

  async function read(): Promise<StoredToken | undefined> {
    const failures: string[] = [];
    for (const sink of sinks) {
      try {
        const stored = await sink.read();
        if (stored) return stored;
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    if (failures.length > 0) throw new Rejected(failures.join('; '));
    return undefined;
  }

  return {
    place,
    sealed: sinks.every(({ sealed }) => sealed !== undefined)
      ? sinks.map(({ sealed }) => sealed).join('; ')
      : undefined,
    read,
    async probe() {
      for (const sink of sinks) await sink.probe();
    },
    async store(token) {
      const done: PutBack[] = [];
      for (const sink of sinks) {
        try {
          done.push(await storeProved(sink, token));
        } catch (error) {
          const ends: string[] = [];
          for (const putBack of done) ends.push(await afterwards(putBack));
          throw new Rejected(`${messageOf(error)}${ends.join('')}`);
        }
      }
      return async () => {
        const failures: string[] = [];
        for (const putBack of done) await putBack().catch((error: unknown) => failures.push(messageOf(error)));
        if (failures.length > 0) throw new Rejected(failures.join('; '));
      };
    },
    async forget(dead: DeadToken): Promise<Forgotten> {
      const ends: Forgotten[] = [];
      for (const sink of sinks) ends.push(await sink.forget(dead));
      return (['unknown', 'gone', 'none'] as const).find((end) => ends.includes(end)) ?? 'none';
    },
    async has(token) {
      for (const sink of sinks) if (!(await sink.has(token))) return false;
      return true;
    },
    parts: sinks,
  };
}
