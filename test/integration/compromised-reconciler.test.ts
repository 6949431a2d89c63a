import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Reply } from '../../src/accounts/protocol.js';
import { createLab, type Lab, newOid } from './accounts/lab.js';
import { type RawAgent, startRaw } from './accounts/raw.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();

describe.skipIf(unavailable)(
  `a reconciler that somebody else has taken over${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: Lab;
    let agent: RawAgent;
    const oid = newOid();

    beforeAll(async () => {
      lab = await createLab();
      lab.policy({});
      const first = startRaw(lab.agent());
      first.write(`${JSON.stringify({ id: 0, verb: 'create', oid, name: 'victim', gecos: '' })}\n`);
      await first.next();
      await first.end();
    });
    afterAll(() => lab?.destroy());
    beforeEach(() => {
      lab.policy({});
    });
    afterEach(() => agent?.end());

    const fingerprint = () =>
      lab.shell('sha256sum /etc/passwd /etc/shadow /etc/group /etc/gshadow; ls -A /etc/sudoers.d /home');

    /** Sends all of them at once and gives the answers by their ids. */
    async function ask(...requests: object[]): Promise<Map<number | null, Reply>> {
      agent = startRaw(lab.agent());
      agent.write(requests.map((request, id) => `${JSON.stringify({ id, ...request })}\n`).join(''));
      const replies = new Map<number | null, Reply>();
      for (let count = 0; count < requests.length; count += 1) {
        const reply = await agent.next();
        expect(replies.has(reply.id)).toBe(false);
        replies.set(reply.id, reply);
      }
      return replies;
    }

    const codes = (replies: Map<number | null, Reply>) =>
      [...replies].sort(([a], [b]) => Number(a) - Number(b)).map(([, reply]) => (reply.ok ? 'done' : reply.error.code));

    it.each([
      ['a group that the policy does not name', { verb: 'groups', groups: ['shadow'] }],
      ['the group of root beside one that is allowed', { verb: 'groups', groups: ['games', 'root'] }],
      ['a group that is no name', { verb: 'groups', groups: ['games:x'] }],
      ['a uid of its choice', { verb: 'create', name: 'chosen', gecos: '', uid: 0 }],
      ['a home of its choice', { verb: 'create', name: 'chosen', gecos: '', home: '/etc' }],
      ['a sudo rule of its own words', { verb: 'sudo', granted: true, rule: 'ALL=(ALL) NOPASSWD: ALL' }],
      ['an archive in a place of its choice', { verb: 'delete', archive: '/etc/cron.d/x' }],
    ])('does not get %s', async (_, request) => {
      const before = await fingerprint();

      const replies = await ask({ oid, ...request });

      expect(codes(replies)).toEqual([expect.stringMatching(/^(invalid|refused)$/)]);
      expect(await fingerprint()).toBe(before);
    });

    it('gets no account of a name that somebody or something has, and whoever has it stays', async () => {
      const before = await fingerprint();
      const names = ['root', 'daemon', 'www-data', 'sudo', 'adm', 'games', 'victim'];

      const replies = await ask(...names.map((name) => ({ verb: 'create', oid: newOid(), name, gecos: '' })));

      expect(codes(replies)).toEqual(names.map(() => expect.stringMatching(/^(refused|conflict|invalid)$/)));
      expect(await fingerprint()).toBe(before);
    });

    it('gets sudo for nobody where the policy gives none', async () => {
      lab.policy({ sudo: { enabled: false, nopasswd: false } });
      const before = await fingerprint();

      const replies = await ask({ verb: 'sudo', oid, granted: true });

      expect(codes(replies)).toEqual(['refused']);
      expect(await fingerprint()).toBe(before);
    });

    it('deletes nobody before the time of the policy, however often and in whatever order it asks', async () => {
      lab.policy({ deleteAfterSeconds: 3600 });
      const person = newOid();

      const replies = await ask(
        { verb: 'create', oid: person, name: 'patient', gecos: '' },
        { verb: 'delete', oid: person },
        { verb: 'lock', oid: person },
        { verb: 'delete', oid: person },
        { verb: 'delete', oid: person },
      );

      expect(codes(replies)).toEqual(['done', 'too-early', 'done', 'too-early', 'too-early']);
      expect(lab.linesOf('patient').split('\n')).toHaveLength(4);
    });

    it('locks no more people in an hour than the policy lets it, also over a new agent', async () => {
      const people = [newOid(), newOid(), newOid()];
      await ask(...people.map((person, at) => ({ verb: 'create', oid: person, name: `crowd${at}`, gecos: '' })));
      await agent.end();
      const counted = (JSON.parse(lab.read('/var/lib/entramox-accounts/accounts.json')) as { locks: number[] }).locks;
      lab.policy({ locksPerHour: counted.length + 1 });

      const first = await ask({ verb: 'lock', oid: people[0] }, { verb: 'lock', oid: people[1] });
      await agent.end();
      const second = await ask({ verb: 'lock', oid: people[2] });

      expect([...codes(first), ...codes(second)]).toEqual(['done', 'ceiling', 'ceiling']);
    });

    it('that floods the agent is answered line by line, and changes nothing by it', async () => {
      const before = await fingerprint();
      const flood = Array.from({ length: 1500 }, () => ({ verb: 'lock', oid: newOid() }));

      const replies = await ask(...flood);

      expect(replies.size).toBe(1500);
      expect(new Set(codes(replies))).toEqual(new Set(['refused', 'busy']));
      expect(await fingerprint()).toBe(before);
    });

    it('that interleaves orders for one person has them done one after the other', async () => {
      const person = newOid();

      const replies = await ask(
        { verb: 'create', oid: person, name: 'juggled', gecos: '' },
        { verb: 'groups', oid: person, groups: ['games'] },
        { verb: 'lock', oid: person },
        { verb: 'unlock', oid: person },
        { verb: 'groups', oid: person, groups: [] },
      );

      expect(codes(replies)).toEqual(['done', 'done', 'done', 'done', 'done']);
      expect(lab.linesOf('juggled').split('\n')).toHaveLength(4);
      expect(await lab.shell('getent shadow juggled | cut -d: -f8')).toBe('');
    });
  },
);
