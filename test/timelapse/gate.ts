/** Where a process meets the world. `before`: nothing happened yet; `after`: it did, and nobody was told. */
export interface Crossing {
  what: string;
  when: 'before' | 'after';
}

/** All that one process says or hears. A process that was killed says and hears nothing any more. */
export interface Gate {
  alive(): boolean;
  kill(): void;
  /** false: go no further, the process is dead. */
  cross(crossing: Crossing): boolean;
}

export function createGate(onCrossing: (crossing: Crossing) => void): Gate {
  let alive = true;
  return {
    alive: () => alive,
    kill() {
      alive = false;
    },
    cross(crossing) {
      if (!alive) return false;
      onCrossing(crossing);
      return alive;
    },
  };
}
