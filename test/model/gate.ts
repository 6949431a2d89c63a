import type { Dispatcher } from 'undici';

/** Where a process and the rest of the world meet. `before`: nothing was asked yet; `after`: it was done, nobody was told yet. */
export type Crossing = { wire: 'graph' | 'proxmox' | 'agent'; when: 'before' | 'after' };

/** What was asked over a wire, as it left. */
export interface Asked {
  method: string;
  /** Percent-encoded, with the query. */
  path: string;
  body: string | undefined;
}

/** All wires of one process. A process that is killed is never told anything again, as if it were not there. */
export interface Gate {
  alive(): boolean;
  kill(): void;
  /** Calls that were asked and not answered yet. */
  inFlight(): number;
  /** Counts up with everything that happens on a wire. */
  crossings(): number;
  /** Every crossing goes through here; false: go no further, the process was killed meanwhile. */
  cross(crossing: Crossing): boolean;
  /** The same connections, watched. */
  wrap<T extends Dispatcher>(dispatcher: T, wire: 'graph' | 'proxmox'): T;
  begin(): void;
  end(): void;
}

export interface GateOptions {
  onCrossing(crossing: Crossing): void;
  onAsked(wire: 'graph' | 'proxmox', asked: Asked): void;
  /** A connection broke before the answer was there. */
  onBroken(wire: 'graph' | 'proxmox'): void;
}

export function createGate({ onCrossing, onAsked, onBroken }: GateOptions): Gate {
  let alive = true;
  let running = 0;
  let crossings = 0;
  const gate: Gate = {
    alive: () => alive,
    kill() {
      alive = false;
      running = 0;
    },
    inFlight: () => running,
    crossings: () => crossings,
    cross(crossing) {
      if (!alive) return false;
      crossings += 1;
      onCrossing(crossing);
      return alive;
    },
    begin() {
      running += 1;
    },
    end() {
      if (alive) running -= 1;
    },
    wrap: (dispatcher, wire) =>
      dispatcher.compose((dispatch) => (options, handler) => {
        if (!gate.cross({ wire, when: 'before' })) return true;
        const { method, path, body } = options;
        onAsked(wire, { method, path, body: typeof body === 'string' ? body : undefined });
        gate.begin();
        return dispatch(options, watched(handler, gate, wire, onBroken));
      }) as unknown as typeof dispatcher,
  };
  return gate;
}

/** Lets an answer through for as long as the process lives. undici hands every handler on in its newer shape. */
function watched(
  handler: Dispatcher.DispatchHandler,
  gate: Gate,
  wire: 'graph' | 'proxmox',
  onBroken: GateOptions['onBroken'],
): Dispatcher.DispatchHandler {
  return {
    onRequestStart(...args) {
      if (gate.alive()) handler.onRequestStart?.(...args);
    },
    onResponseStart(...args) {
      if (gate.alive()) handler.onResponseStart?.(...args);
    },
    onResponseData(...args) {
      if (gate.alive()) handler.onResponseData?.(...args);
    },
    onResponseEnd(...args) {
      if (!gate.cross({ wire, when: 'after' })) return;
      handler.onResponseEnd?.(...args);
      gate.end();
    },
    onResponseError(...args) {
      if (!gate.alive()) return;
      onBroken(wire);
      handler.onResponseError?.(...args);
      gate.end();
    },
  };
}
