import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';

const unavailable = sandboxUnavailable();

interface Check {
  name: string;
  ok: boolean;
  saw: string;
}

describe.skipIf(unavailable)(`the doctor${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab({ host: await createPrivateHost() });
    lab.start();
    await lab.ready();
  });
  afterAll(() => lab?.close());

  async function examine(): Promise<{ code: number | null; agent: Check | undefined; bad: Check[] }> {
    const { code, stdout } = await lab.entramox('doctor', '--json');
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    return { code, agent: checks.find(({ name }) => name === 'account agent'), bad: checks.filter(({ ok }) => !ok) };
  }

  it('asks the reconciler that runs for the agent that is its child', async () => {
    const { code, agent, bad } = await examine();

    expect(bad).toEqual([]);
    expect(agent).toEqual({ name: 'account agent', ok: true, saw: 'the account agent answers and can write' });
    expect(code).toBe(0);
  });

  it('asks the agent itself where no reconciler runs, and misses the reconciler', async () => {
    await lab.stopAll();

    const { code, agent, bad } = await examine();

    expect(agent?.ok).toBe(true);
    expect(bad.map(({ name }) => name)).toEqual(['reconciler']);
    expect(code).toBe(1);
  });
});
