import { describe, expect, it } from 'vitest';
import { createLanes } from '../../../src/queue/lanes.js';

describe('lanes', () => {
  it('run so many at a time, in the order in which they came, whether the work succeeds or not', async () => {
    const lanes = createLanes(2);
    const begun: number[] = [];
    let running = 0;
    let most = 0;

    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        lanes.run(async () => {
          begun.push(n);
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          if (n % 3 === 0) throw new Error(`no ${n}`);
          return n;
        }),
      ),
    );

    expect(begun).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(most).toBe(2);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(7);
    expect(await lanes.run(async () => 'still open')).toBe('still open');
  });

  it('are settled when what was given before has ended, whatever comes after', async () => {
    const lanes = createLanes(1);
    const ended: string[] = [];
    let end = (): void => undefined;
    const first = lanes.run(() => new Promise<void>((resolve) => (end = resolve)));
    const settled = lanes.settled().then(() => ended.push('settled'));
    const second = lanes.run(() => new Promise<void>(() => undefined));

    await Promise.resolve();
    const before = [...ended];
    end();
    await settled;

    expect([before, ended]).toEqual([[], ['settled']]);
    await first;
    expect(second).toBeInstanceOf(Promise);
  });
});
