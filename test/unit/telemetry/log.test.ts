import { describe, expect, it } from 'vitest';
import { createLog, createPino } from '../../../src/telemetry/log.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { registerSecret } from '../../../src/telemetry/redact.js';
import { systemClock } from '../../../src/telemetry/system-clock.js';

function logTo(level = 'debug') {
  const written: string[] = [];
  const log = createLog(createPino(level, { write: (line: string) => void written.push(line) }));
  return { log, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>), written };
}

describe('the log', () => {
  it('writes the event’s code, level and static text, and the fields beside them', () => {
    const { log, lines } = logTo();

    log('reconcile.step.failed', { target: 'linux', oid: 'x' });

    expect(lines()).toEqual([
      expect.objectContaining({
        level: 50,
        event: 'reconcile.step.failed',
        msg: 'a step failed',
        target: 'linux',
        oid: 'x',
      }),
    ]);
    expect(lines()[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('keeps the event’s code, whatever a field is called', () => {
    const { log, lines } = logTo();

    log('reconcile.sweep.started', { event: 'something else' });

    expect(lines()[0]?.event).toBe('reconcile.sweep.started');
  });

  it('leaves out what is below its level', () => {
    const { log, written } = logTo('error');

    log('reconcile.sweep.started');

    expect(written).toEqual([]);
  });

  it('never writes a secret', () => {
    const secret = 'the-very-secret-of-the-log-test';
    registerSecret(secret);
    const { log, written } = logTo();

    log('reconcile.step.failed', { error: new Error(`no: ${secret}`), list: [{ password: 'hunter22' }] });

    expect(written.join()).not.toContain(secret);
    expect(written.join()).not.toContain('hunter22');
  });
});

describe('the metrics', () => {
  it('belong to one process: two registries do not share a count', async () => {
    const [one, other] = [createMetrics(), createMetrics({ processMetrics: true })];

    one.steps.inc({ target: 'linux', action: 'lock', outcome: 'done' });

    expect(await one.registry.metrics()).toContain(
      'entramox_steps_total{target="linux",action="lock",outcome="done"} 1',
    );
    expect(await other.registry.metrics()).not.toContain('entramox_steps_total{');
    expect(await other.registry.metrics()).toContain('process_cpu_seconds_total');
  });

  it('all carry our name and a help text', async () => {
    const metrics = await createMetrics().registry.getMetricsAsJSON();

    for (const { name, help } of metrics) {
      expect(name).toMatch(/^entramox_[a-z_]+$/);
      expect(help.length).toBeGreaterThan(5);
    }
  });
});

describe('the system clock', () => {
  it('ends a sleep at once when it is aborted, with the reason', async () => {
    const ending = new AbortController();
    const sleeping = systemClock.sleep(3_600_000, ending.signal);

    ending.abort(new Error('stopping'));

    await expect(sleeping).rejects.toThrow('stopping');
  });
});
