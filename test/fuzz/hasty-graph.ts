import type { Agent } from 'undici';
import { createGraphClient, type GraphClient } from '../../src/entra/graph-client.js';

/** The real client of Graph, on a clock that waits for nothing, against a server of ours on this port. */
export function hastyGraph(port: number, dispatcher: Agent): GraphClient {
  let time = 0;
  return createGraphClient({
    baseUrl: `https://localhost:${port}`,
    credential: { getToken: async () => 'token' },
    log: () => undefined,
    clock: {
      now: () => time,
      sleep: async (ms) => {
        time += ms;
      },
    },
    dispatcher,
    timeoutMs: 4_000,
    random: () => 0.5,
    retry: { attempts: 2, baseMs: 1, ceilingMs: 1, budgetMs: 5_000 },
  });
}
