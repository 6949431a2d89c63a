import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStoring, inTime, StorageLate } from '../../../src/listener/storing.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a sink in front of a disk that blocks', () => {
  it('turns away whoever comes on top of too many, and takes them again once the disk has answered', async () => {
    const ends: (() => void)[] = [];
    const stored: string[] = [];
    const sink = createStoring(
      {
        put: (key) =>
          new Promise((resolve) =>
            ends.push(() => {
              stored.push(key);
              resolve();
            }),
          ),
      },
      2,
    );

    const first = [sink.put('sweep'), sink.put('sweep')];
    const turnedAway = await sink.put('sweep').catch((error: unknown) => error);
    const room = sink.hasRoom();
    for (const end of ends) end();
    await Promise.all(first);

    expect(turnedAway).toBeInstanceOf(StorageLate);
    expect(room).toBe(false);
    expect([stored.length, sink.waiting(), sink.hasRoom()]).toEqual([2, 0, true]);
  });

  it('makes room again when the disk fails', async () => {
    const sink = createStoring({ put: () => Promise.reject(new Error('EIO')) }, 1);

    await expect(sink.put('sweep')).rejects.toThrow('EIO');

    expect(sink.waiting()).toBe(0);
  });
});

describe('work that must be done in time', () => {
  it('is given up on at the limit, and may fail later without harm', async () => {
    const work = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('too late anyway')), 5_000));
    const outcome = inTime(work, 2_000, 2_000).catch((error: unknown) => error);

    await vi.advanceTimersByTimeAsync(2_000);

    expect(await outcome).toMatchObject({ name: 'StorageLate', message: expect.stringContaining('within 2 s') });
    await vi.advanceTimersByTimeAsync(5_000);
  });

  it('has half a second for the disk, however late the body came in', async () => {
    const work = new Promise<string>((resolve) => setTimeout(() => resolve('stored'), 400));
    const outcome = inTime(work, -3_000, 2_000);

    await vi.advanceTimersByTimeAsync(400);

    expect(await outcome).toBe('stored');
    expect(vi.getTimerCount()).toBe(0);
  });
});
