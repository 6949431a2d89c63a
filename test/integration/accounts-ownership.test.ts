import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObserveResult } from '../../src/accounts/protocol.js';
import { uidOf } from '../../src/accounts/uid.js';
import { Conflict, Rejected } from '../../src/domain/errors.js';
import { type AccountsClient, type Ask, createAccountsClient } from '../../src/targets/linux/accounts-client.js';
import { createLinuxTarget } from '../../src/targets/linux/target.js';
import { startAgentService } from '../lab/agent-service.js';
import { waitFor } from '../lab/wait.js';
import { anySignal, createLab, type Lab, LEDGER_FILE, newOid, silent } from './accounts/lab.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();
const RANGE: [number, number] = [20_000, 59_999];

describe.skipIf(unavailable)(`whose account it is${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let client: AccountsClient;
  const ask = (request: Ask) => client.request(request, anySignal);

  beforeAll(async () => {
    lab = await createLab();
    client = lab.client();
  });
  afterAll(() => lab?.destroy());

  /** One of root's own commands, inside. */
  function byRoot(...args: string[]) {
    return lab.sandbox.exec(lab.agent(...args).slice(lab.sandbox.command([]).length));
  }

  /** Whether no agent runs. */
  const isFree = async () =>
    (await lab.sandbox.exec(['flock', '-n', '/var/lib/entramox-accounts/lock', 'true'])).code === 0;

  async function make(name: string) {
    const oid = newOid();
    const { uid } = (await ask({ verb: 'create', oid, name, gecos: 'Test Person' })) as { uid: number };
    return { oid, name, uid };
  }

  async function see(oid: string, name: string) {
    const { accounts, names } = (await ask({ verb: 'observe', oids: [oid], names: [{ oid, name }] })) as ObserveResult;
    return { account: accounts[0], standing: names[oid] };
  }

  function entryOf(oid: string) {
    return JSON.parse(lab.read(LEDGER_FILE)).accounts.find((entry: { oid: string }) => entry.oid === oid);
  }

  describe('root’s own commands beside a running agent', () => {
    it('are done while it works under load, and no request of the reconciler is lost', async () => {
      await lab.shell('useradd -m -u 30200 -c "Old Hand" busyhand');
      const oid = newOid();
      const stop = new AbortController();
      const answered: unknown[] = [];
      const load = [1, 2, 3, 4].map(async (worker) => {
        for (let round = 0; !stop.signal.aborted; round += 1) {
          const person = { oid: newOid(), name: `load${worker}x${round}`, gecos: '' };
          answered.push(
            await (round % 5 === 0 ? ask({ verb: 'create', ...person }) : ask({ verb: 'observe', oids: [] })),
          );
        }
      });
      await waitFor('a working agent', () => answered.length > 4);

      const adopted = await byRoot('adopt', '--oid', oid, '--name', 'busyhand', '--yes');
      const before = answered.length;
      await waitFor('the agent at work again', () => answered.length > before + 4);
      stop.abort();
      await Promise.all(load);

      expect(adopted).toMatchObject({ code: 0, stderr: '' });
      expect((await see(oid, 'busyhand')).account).toMatchObject({ name: 'busyhand', uid: 30_200, state: 'whole' });
    });

    it('are done beside an agent that a socket started, with the next connection starting a new one', async () => {
      const other = await createLab();
      const service = await startAgentService(other.sandbox, {
        socketPath: `/tmp/entramox-${randomUUID()}.sock`,
        lingerMs: 60_000,
      });
      const socketClient = createAccountsClient({ connect: { socketPath: service.socketPath }, log: silent });
      const idle = connect(service.socketPath);
      try {
        await socketClient.request({ verb: 'observe' }, anySignal);
        await other.shell('useradd -m -u 30201 sockethand');
        const oid = newOid();
        const command = other.agent('adopt', '--oid', oid, '--name', 'sockethand', '--yes');

        const adopted = await other.sandbox.exec(command.slice(other.sandbox.command([]).length));
        const after = (await socketClient.request({ verb: 'observe', oids: [oid] }, anySignal)) as ObserveResult;

        expect(adopted).toMatchObject({ code: 0, stderr: '' });
        expect(after.accounts).toMatchObject([{ name: 'sockethand' }]);
        expect(service.starts()).toBe(2);
      } finally {
        idle.destroy();
        await socketClient.close();
        await service.stop();
        await other.destroy();
      }
    });

    it('wait for a deletion in vain rather than keep leavers from being locked', async () => {
      const leaver = await make('longleaver');
      const other = await make('otherleaver');
      await lab.shell(`mv /usr/bin/tar /usr/bin/tar.real && printf '#!/bin/sh
        while [ ! -e /run/go ]; do sleep 0.05; done; exec /usr/bin/tar.real "$@"' > /usr/bin/tar && chmod 755 /usr/bin/tar`);
      await ask({ verb: 'lock', oid: leaver.oid });
      const deletion = ask({ verb: 'delete', oid: leaver.oid });
      await waitFor('the deletion', () => entryOf(leaver.oid).state === 'deleting');

      const refused = await byRoot('release', '--oid', other.oid, '--yes', '--wait', '1s');
      const locked = await ask({ verb: 'lock', oid: other.oid });
      await lab.shell('touch /run/go');
      await deletion;
      await lab.shell('mv /usr/bin/tar.real /usr/bin/tar');
      const later = await byRoot('release', '--oid', other.oid, '--yes');

      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was changed') });
      expect(locked).toMatchObject({ name: 'otherleaver' });
      expect(later.code).toBe(0);
    });

    it.each([
      ['only got the number of an agent that is gone', ''],
      ['reads the file, such as a backup', 'exec 8< /var/lib/entramox-accounts/lock;'],
    ])('never end a process that %s', async (_, opening) => {
      await client.close();
      client = lab.client();
      await lab.shell('mkdir -p -m 700 /var/lib/entramox-accounts; touch /var/lib/entramox-accounts/lock');
      await lab.shell(`${opening} sleep 60 > /dev/null 2>&1 & echo $! > /run/innocent`);
      await lab.shell('echo -n $(cat /run/innocent) > /var/lib/entramox-accounts/lock');
      await lab.shell('flock /var/lib/entramox-accounts/lock sleep 60 > /dev/null 2>&1 & echo $! > /run/holder');
      await waitFor('the lock', async () => !(await isFree()));

      const refused = await byRoot('release', '--oid', newOid(), '--yes', '--wait', '1s');
      const alive = await lab.shell('kill -0 $(cat /run/innocent) && echo alive');
      await lab.shell('kill $(cat /run/innocent); pkill -P $(cat /run/holder); true');

      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('holds') });
      expect(alive).toBe('alive');
    });
  });

  describe('an account that root takes back', () => {
    it('keeps everything, and no verb touches it any more', async () => {
      const { oid, name, uid } = await make('givenback');
      await ask({ verb: 'groups', oid, groups: ['games'] });
      await ask({ verb: 'sudo', oid, granted: true });
      await lab.shell(`echo mine > /home/${name}/file && chown ${name}: /home/${name}/file`);
      const rule = `/etc/sudoers.d/entramox-${uid}`;
      const before = [lab.linesOf(name), lab.read(rule), await lab.shell(`ls -lan /home/${name}`)];

      const shown = await byRoot('release', '--oid', oid);
      const stillOurs = (await see(oid, name)).account?.name;
      const released = await byRoot('release', '--oid', oid, '--yes');
      lab.policy({ sudo: { enabled: false, nopasswd: false } });
      for (const verb of ['lock', 'unlock', 'delete'] as const)
        await expect(ask({ verb, oid })).rejects.toThrow(Rejected);
      await expect(ask({ verb: 'sudo', oid, granted: false })).rejects.toThrow(Rejected);
      await expect(ask({ verb: 'groups', oid, groups: [] })).rejects.toThrow(Rejected);
      await expect(ask({ verb: 'create', oid, name, gecos: 'x' })).rejects.toThrow(Conflict);
      await expect(ask({ verb: 'create', oid, name: 'givenback2', gecos: 'x' })).rejects.toThrow(Conflict);
      const { account, standing } = await see(oid, name);
      lab.policy({});

      expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining(`rm ${rule}`) });
      expect([stillOurs, released.code, account]).toEqual([name, 0, undefined]);
      expect(standing).toMatchObject({ state: 'foreign', released: true, remedy: expect.stringContaining('adopt') });
      expect([lab.linesOf(name), lab.read(rule), await lab.shell(`ls -lan /home/${name}`)]).toEqual(before);
      expect(lab.linesOf('givenback2')).toBe('');
    });

    it('is nobody else’s, neither by name nor by uid, also once it is gone', async () => {
      const { oid, name, uid } = await make('onlymine');
      const heir = colliding(uid, oid);
      await byRoot('release', '--oid', oid, '--yes');
      await lab.shell(`userdel -r ${name}`);

      const asks: Ask[] = [
        { verb: 'create', oid: newOid(), name, gecos: '' },
        { verb: 'create', oid: heir, name: 'uidheir', gecos: '' },
      ];
      for (const request of asks) await expect(ask(request)).rejects.toThrow(Conflict);
      const adopted = await byRoot('adopt', '--oid', heir, '--name', 'uidheir', '--yes');

      expect(adopted.code).toBe(1);
      expect([lab.linesOf(name), lab.linesOf('uidheir')]).toEqual(['', '']);
    });

    it('comes back with its lock, which is still ours to undo, or is made anew where it is gone', async () => {
      const locked = await make('lockedback');
      const gone = await make('goneback');
      await ask({ verb: 'lock', oid: locked.oid });
      for (const { oid } of [locked, gone]) await byRoot('release', '--oid', oid, '--yes');
      await lab.shell('userdel -r goneback');

      const back = await byRoot('adopt', '--oid', locked.oid, '--name', 'lockedback', '--yes');
      const anew = await byRoot('adopt', '--oid', gone.oid, '--name', 'goneback', '--yes');
      await ask({ verb: 'unlock', oid: locked.oid });
      const made = await ask({ verb: 'create', oid: gone.oid, name: 'goneback', gecos: '' });

      expect([back.code, anew.code]).toEqual([0, 0]);
      expect(await lab.shell('passwd -S lockedback | cut -d" " -f2')).toBe('P');
      expect(made).toEqual({ name: 'goneback', uid: gone.uid });
    });

    it('is refused where there is none, and while it is being deleted', async () => {
      const stranger = await byRoot('release', '--oid', newOid(), '--yes');
      const { oid } = await make('midway');
      await client.close();
      client = lab.client();
      await waitFor('no agent', isFree);
      const record = JSON.parse(lab.read(LEDGER_FILE));
      for (const entry of record.accounts) if (entry.oid === oid) entry.state = 'deleting';
      lab.write(LEDGER_FILE, JSON.stringify(record), 0o600);

      const midway = await byRoot('release', '--oid', oid, '--yes');

      expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('no account of ours') });
      expect(midway).toMatchObject({ code: 1, stderr: expect.stringContaining('being deleted') });
    });
  });

  describe('a record that is rebuilt from the ledger of the reconciler', () => {
    it('is rebuilt only from what root has seen: a copy that the reconciler cannot change meanwhile', async () => {
      const oid = newOid();
      const identities = { [oid]: { oid, state: 'deleted', names: { linux: 'longgone' }, uid: 30_999 } };
      const text = JSON.stringify({ version: 1, identities });
      await make('witness');
      await lab.shell('mkdir -p /srv/theirs');
      lab.write('/srv/theirs/ledger.json', text, 0o600);
      lab.write('/root/ledger.json', text, 0o600);
      await lab.shell('chown -R 999:999 /srv/theirs');

      const shown = await byRoot('repair', '--ledger', '/srv/theirs/ledger.json');
      const refused = await byRoot('repair', '--ledger', '/srv/theirs/ledger.json', '--yes');
      const before = entryOf(oid);
      const done = await byRoot('repair', '--ledger', '/root/ledger.json', '--yes');

      expect(shown).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/tombstone {2}longgone.*only root can write/s),
      });
      expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('/srv/theirs') });
      expect([before, done.code, entryOf(oid)]).toMatchObject([undefined, 0, { name: 'longgone', state: 'deleted' }]);
    });

    it('shows nothing that a terminal would obey of what the reconciler wrote', async () => {
      const oid = '\u001b[2J\u009b1A';
      lab.write('/root/hostile.json', JSON.stringify({ version: 1, identities: { [oid]: {} } }), 0o600);

      const { stderr } = await byRoot('repair', '--ledger', '/root/hostile.json');

      expect(stderr.split('\n', 1)[0]).toBe(
        String.raw`accounts: /root/hostile.json cannot be understood at identities.\u{1b}[2J\u{9b}1A`,
      );
    });
  });

  describe('a uid that two identities would have', () => {
    it('is the same for the same person on two hosts, in either order; the second one is refused and pinned alike', async () => {
      const second = await createLab();
      const secondClient = second.client();
      const hosts = [
        { at: lab, to: client },
        { at: second, to: secondClient },
      ];
      const people = [newOid(), newOid(), newOid()].map((oid, n) => ({ oid, name: `same${n}` }));
      const first = newOid();
      const rival = colliding(uidOf(first, { uidRange: RANGE, uids: {} }), first);
      const uids = async ({ oid, name }: { oid: string; name: string }) =>
        Promise.all(
          hosts.map(
            async ({ to }) =>
              ((await to.request({ verb: 'create', oid, name, gecos: '' }, anySignal)) as { uid: number }).uid,
          ),
        );
      try {
        const [one, two] = await Promise.all(
          hosts.map(async ({ to }, host) => {
            const given: Record<string, number> = {};
            for (const { oid, name } of host === 0 ? people : [...people].reverse()) {
              given[name] = (
                (await to.request({ verb: 'create', oid, name, gecos: '' }, anySignal)) as { uid: number }
              ).uid;
            }
            return given;
          }),
        );
        const [firstUid] = await uids({ oid: first, name: 'owner' });
        const refusals = await Promise.all(
          hosts.map(({ to }) =>
            to
              .request({ verb: 'create', oid: rival, name: 'rival', gecos: '' }, anySignal)
              .catch((error: unknown) => error),
          ),
        );
        const pin = JSON.parse(`{${/"uids": \{.*?\}/.exec((refusals[0] as Conflict).remedy)?.[0]}}`);
        for (const { at } of hosts) at.policy(pin);
        const pinned = await uids({ oid: rival, name: 'rival' });

        expect(one).toEqual(two);
        for (const refusal of refusals) {
          expect(refusal).toBeInstanceOf(Conflict);
          expect((refusal as Conflict).remedy).toBe((refusals[0] as Conflict).remedy);
        }
        expect(pinned).toEqual([pin.uids[rival], pin.uids[rival]]);
        expect(pinned[0]).not.toBe(firstUid);
      } finally {
        lab.policy({});
        await second.destroy();
      }
    });

    it('is given to neither of two who arrive together, whichever of them is looked at', async () => {
      const first = newOid();
      const rival = colliding(uidOf(first, { uidRange: RANGE, uids: {} }), first);
      const target = createLinuxTarget({ client, log: silent });
      const asks = [
        { oid: first, name: 'together1' },
        { oid: rival, name: 'together2' },
      ];

      const sights = await target.observe(asks, anySignal);
      const alone = await target.observe(asks.slice(0, 1), anySignal);

      const remedies = asks.map(({ oid }) => {
        const sight = sights.get(oid);
        return sight?.certainty === 'foreign' ? sight.remedy : sight?.certainty;
      });
      expect(remedies[0]).toContain(`"uids": {"${[first, rival].sort()[1]}":`);
      expect(remedies[1]).toBe(remedies[0]);
      expect(alone.get(first)?.certainty).toBe('absent');
    });
  });
});

/** Another identity whose own uid this is. */
function colliding(uid: number, oid: string): string {
  for (;;) {
    const other = randomUUID();
    if (other !== oid && uidOf(other, { uidRange: RANGE, uids: {} }) === uid) return other;
  }
}
