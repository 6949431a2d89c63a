import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObserveResult } from '../../src/accounts/protocol.js';
import type { Ask } from '../../src/targets/linux/accounts-client.js';
import { createLab, type Lab, newOid } from './accounts/lab.js';
import { startRaw } from './accounts/raw.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(
  `account agent killed in the middle${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: Lab;
    const places: Record<string, string> = {};

    beforeAll(async () => {
      lab = await createLab();
      for (const tool of ['userdel', 'tar']) {
        places[tool] = await lab.shell(`readlink -f $(command -v ${tool})`);
      }
    });
    afterAll(() => lab?.destroy());

    /** Puts a program in the place of a tool that kills its caller, the agent, before or after the real work. */
    async function trap(tool: string, moment: 'before' | 'after'): Promise<() => Promise<string>> {
      const place = places[tool];
      await lab.shell(`mv ${place} ${place}.real`);
      const kill = 'kill -KILL $PPID';
      const lines = moment === 'before' ? [kill] : [`${place}.real "$@"`, kill];
      lab.write(place ?? '', `#!/bin/sh\n${lines.join('\n')}\n`, 0o755);
      return () => lab.shell(`mv ${place}.real ${place}`);
    }

    /** One request to an agent of its own; undefined when the agent died over it. */
    async function once(request: Ask): Promise<unknown> {
      const agent = startRaw(lab.agent());
      agent.write(`${JSON.stringify({ id: 1, ...request })}\n`);
      const reply = await agent.next().catch(() => undefined);
      await agent.end();
      if (reply && !reply.ok) throw new Error(reply.error.message);
      return reply?.result;
    }

    const see = async (oid: string) => ((await once({ verb: 'observe', oids: [oid] })) as ObserveResult).accounts[0];

    it('makes the account whole however early or late SIGKILL hits', async () => {
      for (let delayMs = 0; delayMs < 120; delayMs += 15) {
        const oid = newOid();
        const name = `timed${delayMs}`;
        const agent = startRaw(
          lab.sandbox.command(['sh', '-c', 'echo $$ > /run/agent.pid; exec "$@"', 'sh', ...inside(lab)]),
        );
        agent.write(`${JSON.stringify({ id: 0, verb: 'observe', oids: [] })}\n`);
        await agent.next();
        agent.write(`${JSON.stringify({ id: 1, verb: 'create', oid, name, gecos: 'Timed' })}\n`);
        await lab.shell(`sleep ${delayMs / 1000}; kill -KILL $(cat /run/agent.pid)`);
        await agent.end();

        await once({ verb: 'create', oid, name, gecos: 'Timed' });

        expect(await see(oid)).toMatchObject({ state: 'whole', locked: false });
        expect(lab.linesOf(name).split('\n')).toHaveLength(4);
      }
    });

    it.each([
      { tool: 'tar', moment: 'before' },
      { tool: 'tar', moment: 'after' },
      { tool: 'userdel', moment: 'after' },
    ] as const)('finishes the deletion with one good archive after a kill $moment $tool', async ({ tool, moment }) => {
      const oid = newOid();
      const name = `d-${tool}-${moment}`;
      await once({ verb: 'create', oid, name, gecos: '' });
      await lab.shell(`echo kept > /home/${name}/file`);
      await once({ verb: 'lock', oid });
      const release = await trap(tool, moment);

      await once({ verb: 'delete', oid });
      await release();
      const between = await see(oid);
      // What userdel had removed when it was killed must not be missing in the archive.
      if (tool === 'userdel') await lab.shell(`rm -f /home/${name}/file`);
      const result = await once({ verb: 'delete', oid });

      expect(between?.state).toBe('partial');
      expect(result).toMatchObject({ archive: expect.stringContaining(`/${name}-`), leftovers: [] });
      expect((await see(oid))?.state).toBe('deleted');
      expect(lab.linesOf(name)).toBe('');
      const archives = await lab.shell(
        `cd /var/lib/entramox-accounts/archive; ls | grep ^${name}-; tar -xOf ${name}-*.tar ${name}/file`,
      );
      expect(archives).toMatch(new RegExp(`^${name}-\\d+-\\d{8}T\\d{6}Z\\.tar\\nkept$`));
    });

    it('clears a name that userdel left in the sudo group only', async () => {
      const oid = newOid();
      const name = 'halfgone';
      await once({ verb: 'create', oid, name, gecos: '' });
      await once({ verb: 'lock', oid });
      await lab.shell(`gpasswd -a ${name} sudo; sed -i '/^${name}:/d' /etc/passwd; rm -r /home/${name}`);

      await once({ verb: 'delete', oid });

      expect(lab.linesOf(name)).toBe('');
      expect((await see(oid))?.state).toBe('deleted');
    });

    it('opens an account again whose deletion had begun', async () => {
      const oid = newOid();
      const name = 'changedmind';
      await once({ verb: 'create', oid, name, gecos: '' });
      const before = lab.linesOf(name);
      await once({ verb: 'lock', oid });
      const release = await trap('userdel', 'before');
      await once({ verb: 'delete', oid });
      await release();

      await once({ verb: 'create', oid, name, gecos: '' });
      await once({ verb: 'unlock', oid });

      expect(await see(oid)).toMatchObject({ state: 'whole', locked: false });
      expect(lab.linesOf(name)).toBe(before);
    });
  },
);

/** The agent's own part of the argument array, without the way into the sandbox. */
function inside(lab: Lab): string[] {
  return lab.agent().slice(lab.sandbox.command([]).length);
}
