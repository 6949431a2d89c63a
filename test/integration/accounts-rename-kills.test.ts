import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ask } from '../../src/targets/linux/accounts-client.js';
import {
  type Call,
  createKillingLab,
  type KillingLab,
  killingUnavailable,
  type Moment,
  type Victim,
} from './accounts/killing.js';
import { newOid } from './accounts/lab.js';

const unavailable = killingUnavailable();

/** One verb in a state in which it has the most to do. */
interface Scene {
  prepare: Ask[];
  request: Ask;
  cases: Case[];
}

/** Who dies, at every call of this kind. */
type Case = [Victim, Call];

describe.skipIf(unavailable)(
  `account agent killed at every change on the disk${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: KillingLab;
    const oid = newOid();
    const create: Ask = { verb: 'create', oid, name: 'anna', gecos: 'Anna' };
    const groups: Ask = { verb: 'groups', oid, groups: ['games'] };
    const sudo: Ask = { verb: 'sudo', oid, granted: true };
    const lock: Ask = { verb: 'lock', oid };

    const everyRename: Case[] = [
      ['tool', 'rename'],
      ['tool and agent', 'rename'],
      ['agent', 'rename'],
    ];
    const scenes: Record<string, Scene> = {
      'the creation of an account': {
        prepare: [],
        request: create,
        cases: [...everyRename, ['tool and agent', 'link'], ['agent', 'fsync'], ['agent', 'mkdir'], ['agent', 'chown']],
      },
      'a new full name': {
        prepare: [create],
        request: { ...create, gecos: 'Anna Other' },
        cases: everyRename.slice(0, 2),
      },
      'other groups': {
        prepare: [create, groups],
        request: { verb: 'groups', oid, groups: ['adm'] },
        cases: [...everyRename.slice(0, 2), ['tool and agent', 'unlink']],
      },
      'the grant of sudo': {
        prepare: [create],
        request: sudo,
        cases: [
          ['agent', 'rename'],
          ['agent', 'fsync'],
        ],
      },
      'the revocation of sudo': {
        prepare: [create, sudo],
        request: { ...sudo, granted: false },
        cases: [['agent', 'unlink']],
      },
      'a lock': {
        prepare: [create, groups, sudo],
        request: lock,
        cases: [...everyRename, ['agent', 'unlink'], ['agent', 'link'], ['agent', 'fsync']],
      },
      'an unlock': {
        prepare: [create, lock],
        request: { verb: 'unlock', oid },
        cases: [...everyRename, ['agent', 'fsync']],
      },
      'a deletion': {
        prepare: [create, groups, sudo, lock],
        request: { verb: 'delete', oid },
        cases: [...everyRename, ['tool and agent', 'link'], ['agent', 'unlink'], ['agent', 'fsync']],
      },
    };

    beforeAll(async () => {
      lab = await createKillingLab();
      await lab.do({ verb: 'observe' });
      await lab.save('nobody');
    });
    afterAll(() => lab?.destroy());

    describe.each(Object.entries(scenes))('%s', (_, { prepare, request, cases }) => {
      let moments: Moment[];
      let wanted: string;

      beforeAll(async () => {
        await lab.restore('nobody');
        for (const step of prepare) await lab.do(step);
        await lab.save('before');
        moments = await lab.rehearse(request);
        wanted = await lab.show();
      });

      it.each(cases)('ends as if nothing had been when the %s dies at any %s', async (victim, call) => {
        const chosen = moments.filter(
          (moment) => moment.call === call && (moment.by === 'agent') === (victim === 'agent'),
        );

        const wrong: string[] = [];
        for (const moment of chosen) {
          const { first, second } = await lab.kill('before', victim, moment, request);
          const seen = await lab.show();
          const when = `${moment.by === 'agent' ? 'agent' : `tool ${moment.by}`}, ${moment.name} ${moment.at}`;
          if (first?.ok || (first && victim !== 'tool')) wrong.push(`${when}: nobody died`);
          if (!second.ok) wrong.push(`${when}: ${second.error.message}`);
          wrong.push(...difference(wanted, seen).map((line) => `${when}: ${line}`));
        }

        expect(wrong).toEqual([]);
        expect(chosen.length, 'moments at which somebody died').toBeGreaterThan(0);
      });
    });
  },
);

function difference(wanted: string, seen: string): string[] {
  const [before, after] = [wanted.split('\n'), seen.split('\n')];
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `missing: ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `left: ${line}`),
  ];
}
