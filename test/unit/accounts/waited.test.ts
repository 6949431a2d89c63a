import { describe, expect, it } from 'vitest';
import { checkWaited } from '../../../src/accounts/waited.js';

const DAY = 86_400;
const since = Date.UTC(2026, 10, 21);
const lock = { previousExpiry: '', passwordWasLocked: false, since, bootId: 'one', uptimeMs: 1_000_000 };

/** So many seconds after the lock, by the date and by the clock of a boot. */
function moment(byDate: number, byBoot: number, boot = 'one') {
  return { now: () => since + byDate * 1000, uptimeMs: () => 1_000_000 + byBoot * 1000, bootId: () => boot };
}

describe('the waiting time before a deletion', () => {
  const check = (clock: ReturnType<typeof moment>) => () => checkWaited({ name: 'alice', lock }, DAY, clock);

  it('is over to the second', () => {
    expect(check(moment(DAY - 1, DAY - 1))).toThrow(/86399 s of 86400 s/);
    expect(check(moment(DAY, DAY))).not.toThrow();
  });

  it('is not shortened by a date that jumped ahead', () => {
    expect(check(moment(400 * DAY, 60))).toThrow(/seen locked for 60 s/);
  });

  it('is not shortened by a date that jumped back', () => {
    expect(check(moment(-DAY, 2 * DAY))).toThrow(/seen locked for 0 s/);
  });

  it('is told with how long it still takes, to the second', () => {
    const at = (ms: number) => ({ now: () => since + ms, uptimeMs: () => 1_000_000 + ms, bootId: () => 'one' });
    const remedy = (text: string) => expect.objectContaining({ code: 'too-early', remedy: text });

    expect(check(at(DAY * 1000 - 1))).toThrow(remedy('try again in 1 s'));
    expect(check(at(DAY * 1000 - 1001))).toThrow(remedy('try again in 2 s'));
    expect(check(at(1999))).toThrow('alice was seen locked for 1 s of 86400 s');
  });

  it('goes by the date where the clock of the boot was not written down', () => {
    const { uptimeMs: _, ...undated } = lock;

    expect(() => checkWaited({ name: 'alice', lock: undated }, DAY, moment(DAY, 0))).not.toThrow();
  });

  it('is not negative where the clock of the boot is behind', () => {
    expect(check(moment(60, -60))).toThrow(/seen locked for 0 s/);
  });

  it('goes by the date after a reboot', () => {
    expect(check(moment(DAY + 1, -900, 'two'))).not.toThrow();
    expect(check(moment(DAY - 1, 5 * DAY, 'two'))).toThrow(/86399 s/);
  });

  it('has not begun while the lock is incomplete', () => {
    const { since: _, ...begun } = lock;

    expect(() => checkWaited({ name: 'alice', lock: begun }, 0, moment(DAY, DAY))).toThrow(/is not locked/);
    expect(() => checkWaited({ name: 'alice' }, 0, moment(DAY, DAY))).toThrow(
      expect.objectContaining({
        code: 'too-early',
        message: 'alice is not locked, so its waiting time has not begun',
        remedy: 'lock it first',
      }),
    );
  });
});
