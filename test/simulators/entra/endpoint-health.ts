import type { SimulatorClock } from './clock.js';

/** How Graph treats a webhook's host: at once, ten minutes later, or not at all. */
export type EndpointState = 'normal' | 'slow' | 'drop';

const WINDOW_MS = 600_000;
const SLOW_SHARE = 0.1;
const DROP_SHARE = 0.15;

export interface EndpointHealth {
  state(url: string): EndpointState;
  /** For how long the state lasts, on the scale of delivery. */
  remainingMs(url: string): number;
  record(url: string, sample: { slow: boolean; retryTimedOut: boolean }): void;
  /** Puts the host into a state for one window of ten minutes. */
  force(url: string, state: EndpointState): void;
}

/** Judges hosts over ten minutes once there are enough samples (Graph: after 100 notifications). */
export function createEndpointHealth(clock: SimulatorClock, minimumSamples: number): EndpointHealth {
  interface Host {
    samples: { at: number; slow: boolean; retryTimedOut: boolean }[];
    state: EndpointState;
    until: number;
  }
  const hosts = new Map<string, Host>();

  function hostOf(url: string): Host {
    const name = new URL(url).host;
    const known = hosts.get(name) ?? { samples: [], state: 'normal', until: 0 };
    hosts.set(name, known);
    if (known.state !== 'normal' && known.until <= clock.scaled()) {
      known.state = 'normal';
      known.samples = [];
    }
    return known;
  }

  function enter(host: Host, state: EndpointState): void {
    host.state = state;
    host.until = clock.scaled() + WINDOW_MS;
  }

  return {
    state: (url) => hostOf(url).state,
    remainingMs(url) {
      const host = hostOf(url);
      return host.state === 'normal' ? 0 : host.until - clock.scaled();
    },
    record(url, sample) {
      const host = hostOf(url);
      const now = clock.scaled();
      host.samples.push({ at: now, ...sample });
      host.samples = host.samples.filter(({ at }) => at > now - WINDOW_MS);
      const total = host.samples.length;
      if (total < minimumSamples) return;
      const share = (property: 'slow' | 'retryTimedOut') =>
        host.samples.filter((entry) => entry[property]).length / total;
      if (share('retryTimedOut') > DROP_SHARE) enter(host, 'drop');
      else if (host.state === 'normal' && share('slow') > SLOW_SHARE) enter(host, 'slow');
    },
    force: (url, state) => enter(hostOf(url), state),
  };
}
