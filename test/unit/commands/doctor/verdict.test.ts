import { describe, expect, it } from 'vitest';
import { impatient, OutOfTime, subject, within } from '../../../../src/commands/doctor/budget.js';
import type { Check, CheckState } from '../../../../src/commands/doctor/check.js';
import { renderChecks, shownCheck } from '../../../../src/commands/doctor/render.js';
import { exitCodeOfChecks } from '../../../../src/commands/doctor/verdict.js';
import { colours } from '../../../../src/commands/io.js';

const check = (state: CheckState): Check => ({ name: 'login.tls', state, saw: 'what was seen', mend: 'what mends it' });
const paint = (terminal: boolean) => colours({ out: () => undefined, err: () => undefined, terminal });
const never = new AbortController().signal;

describe('the exit code', () => {
  it.each<[CheckState[], number]>([
    [[], 0],
    [['fine', 'remark'], 0],
    [['fine', 'unreachable'], 4],
    [['skipped', 'remark'], 4],
    [['unreachable', 'skipped', 'wrong'], 1],
  ])('of %j is %i', (states, code) => {
    expect(exitCodeOfChecks(states.map(check))).toBe(code);
  });
});

describe('what is printed', () => {
  it('as JSON has exactly the fields that are promised, and no why for what is fine', () => {
    const { mend: _, ...plain } = check('fine');

    expect(shownCheck(plain)).toEqual({ name: 'login.tls', ok: true, saw: 'what was seen', why: null, mend: null });
    expect(shownCheck(check('skipped'))).toEqual({
      name: 'login.tls',
      ok: false,
      saw: 'what was seen',
      why: 'without a connection that can be trusted there is no token',
      mend: 'what mends it',
    });
  });

  it('for a person fits into 80 columns, is grouped, and says why and what to do of what is not well', () => {
    const saw = 'a certificate that somebody else made, for a name that nobody asked for, '.repeat(3).trim();

    const lines = renderChecks([{ ...check('wrong'), saw }, check('fine')], paint(false));

    expect(lines[0]).toBe('way to Microsoft');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.join('\n')).toMatch(/^ {2}NO {2}login\.tls: /m);
    expect(lines.join('\n')).toMatch(/^ {6}why: without a connection/m);
    expect(lines.join('\n')).toMatch(/^ {6}mend: what mends it$/m);
    expect(lines.at(-1)).toBe('1 of 2 checks found something wrong.');
  });

  it('keeps what is blind apart from what is wrong, and is coloured on a terminal alone', () => {
    const plain = renderChecks([check('unreachable')], paint(false)).join('\n');
    const coloured = renderChecks([check('unreachable')], paint(true)).join('\n');

    expect(plain).toContain('Nothing is known to be wrong; 1 of 1 checks could not be made.');
    expect(plain).not.toContain('\u001b[');
    expect(coloured).toContain('\u001b[33m??');
  });
});

describe('the time that all of it may take', () => {
  it('ends what never ends, and tells it under each of its names', async () => {
    const stop = new AbortController();
    const pending = subject(['login.dns', 'login.tls'], stop.signal, () => new Promise(() => undefined));
    stop.abort(new OutOfTime('no answer within 20 s'));

    const checks = await pending;

    expect(checks.map(({ name, state }) => [name, state])).toEqual([
      ['login.dns', 'unreachable'],
      ['login.tls', 'unreachable'],
    ]);
    expect(checks[0]?.saw).toBe('cannot be reached: no answer within 20 s');
  });

  it('tells what broke in a way that nobody foresaw, rather than to end with it', async () => {
    const checks = await subject(['disk.log'], never, () => Promise.reject(new Error('nobody foresaw this')));

    expect(checks).toMatchObject([{ name: 'disk.log', state: 'skipped', saw: 'not looked at: nobody foresaw this' }]);
  });

  it('limits one exchange by itself, and gives what comes in time', async () => {
    await expect(within(1, never, () => new Promise(() => undefined))).rejects.toThrow(OutOfTime);
    await expect(within(1_000, never, async () => 'an answer')).resolves.toBe('an answer');
  });

  it('ends the waits of whoever is patient', async () => {
    const stop = new AbortController();
    const clock = impatient(
      {
        now: () => 7,
        sleep: (_ms, signal) =>
          new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      },
      stop.signal,
    );
    const waits = [clock.sleep(60_000), clock.sleep(60_000, never)];

    stop.abort(new OutOfTime('over'));

    expect(clock.now()).toBe(7);
    await expect(Promise.allSettled(waits)).resolves.toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  });
});
