import { describe, expect, it } from 'vitest';
import { createIdentityLocks } from '../../../src/reconcile/identity-locks.js';
import { ALICE, BOB } from '../domain/builders.js';
import { oidOf } from './fakes/world.js';

interface Gate {
  entered: boolean;
  open(): void;
  work(): Promise<void>;
}

function gate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const self: Gate = {
    entered: false,
    open,
    async work() {
      self.entered = true;
      await opened;
    },
  };
  return self;
}

/** Everything that can go on without waiting for somebody has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the locks of identities', () => {
  it('let one targeted pass at a time work on an identity, in the order of asking', async () => {
    const locks = createIdentityLocks();
    const [first, second, third] = [gate(), gate(), gate()];
    const all = [locks.hold([ALICE], first.work), locks.hold([ALICE], second.work), locks.hold([BOB], third.work)];
    await turn();
    const atFirst = [first.entered, second.entered, third.entered];
    first.open();
    await turn();
    const afterwards = second.entered;
    second.open();
    third.open();
    await Promise.all(all);

    expect(atFirst).toEqual([true, false, true]);
    expect(afterwards).toBe(true);
  });

  it('do not let two passes wait for each other, whatever the order of their identities', async () => {
    const locks = createIdentityLocks();
    const done: number[] = [];

    await Promise.all([
      locks.hold([ALICE, BOB], async () => void done.push(1)),
      locks.hold([BOB, ALICE], async () => void done.push(2)),
      locks.hold([ALICE], async () => void done.push(3)),
    ]);

    expect(done).toEqual([1, 2, 3]);
  });

  it('are free again after work that threw', async () => {
    const locks = createIdentityLocks();
    const failing = locks.hold([ALICE], async () => {
      throw new Error('broken');
    });

    await expect(failing).rejects.toThrow('broken');
    await expect(locks.hold([ALICE], async () => 'free')).resolves.toBe('free');
  });

  it('refuse a sweep’s step while targeted work holds the identity, waits for it, or read it since', async () => {
    const locks = createIdentityLocks();
    const begun = locks.mark();
    const holder = gate();
    const held = locks.hold([ALICE], holder.work);
    const whileHeld = locks.share(ALICE, begun, async () => 'done');
    holder.open();
    await held;
    const afterwards = await locks.share(ALICE, begun, async () => 'done');
    locks.touch([ALICE]);
    const touched = locks.share(ALICE, begun, async () => 'done');
    const other = await locks.share(BOB, begun, async () => 'done');
    const later = await locks.share(ALICE, locks.mark(), async () => 'done');

    expect([whileHeld, afterwards, touched, other, later]).toEqual([undefined, 'done', undefined, 'done', 'done']);
  });

  it('let a sweep work in two lanes on one identity, and targeted work wait for both', async () => {
    const locks = createIdentityLocks();
    const begun = locks.mark();
    const [one, other, targeted] = [gate(), gate(), gate()];
    const shared = [locks.share(ALICE, begun, one.work), locks.share(ALICE, begun, other.work)];
    const held = locks.hold([ALICE], targeted.work);
    await turn();
    const both = [one.entered, other.entered];
    other.open();
    await turn();
    const tooEarly = targeted.entered;
    one.open();
    await turn();
    const inTime = targeted.entered;
    targeted.open();
    await Promise.all([...shared, held]);

    expect(both).toEqual([true, true]);
    expect(tooEarly).toBe(false);
    expect(inTime).toBe(true);
  });

  it('forget the oldest of very many marks, and keep the newest', () => {
    const locks = createIdentityLocks();
    const begun = locks.mark();
    locks.touch([ALICE]);
    locks.touch(Array.from({ length: 20_000 }, (_, n) => oidOf(n)));

    expect(locks.isOvertaken(ALICE, begun)).toBe(false);
    expect(locks.isOvertaken(oidOf(19_999), begun)).toBe(true);
  });
});
