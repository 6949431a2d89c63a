import type { ProxmoxClient } from '../../src/targets/proxmox/client.js';

export interface Death {
  /** So many writes arrive. */
  writes: number;
  /** The last of them arrives, and nobody hears of it. */
  answerLost: boolean;
  /** After each write that arrived. */
  between?: () => Promise<void>;
}

/** The client of a process that dies after some writes: from then on it gets no answer to anything. */
export function dyingClient(client: ProxmoxClient, { writes, answerLost, between }: Death): ProxmoxClient {
  let left = writes;
  const dead = new Error('killed');
  return {
    ...client,
    get: (...args) => (left < 0 ? Promise.reject(dead) : client.get(...args)),
    async write<T>(...args: Parameters<ProxmoxClient['write']>): Promise<T> {
      left -= 1;
      if (left < 0) throw dead;
      const answer = await (client.write as (...all: typeof args) => Promise<T>)(...args);
      await between?.();
      if (left === 0 && answerLost) {
        left = -1;
        throw dead;
      }
      return answer;
    },
  };
}

/** Every death after up to so many writes, with and without the last answer. */
export function deaths(upTo: number): [writes: number, answerLost: boolean][] {
  return Array.from({ length: upTo + 1 }, (_, writes) => [false, true].map((lost): [number, boolean] => [writes, lost]))
    .flat()
    .filter(([writes, lost]) => writes > 0 || !lost);
}
