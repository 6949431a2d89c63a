import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLab, type Lab, LEDGER_FILE, newOid, POLICY_FILE } from './accounts/lab.js';
import { type RawAgent, startRaw } from './accounts/raw.js';
import { sandboxUnavailable } from './sandbox/index.js';

const unavailable = sandboxUnavailable();
const OID = '11111111-2222-4333-8444-555555555555';

describe.skipIf(unavailable)(
  `account agent and hostile input${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await createLab();
    });
    afterAll(() => lab?.destroy());

    const fingerprint = () =>
      lab.shell('sha256sum /etc/passwd /etc/shadow /etc/group /etc/gshadow; ls -A /etc/sudoers.d /home');

    describe('requests', () => {
      let agent: RawAgent;
      beforeEach(() => {
        agent = startRaw(lab.agent());
      });
      afterEach(() => agent.end());

      const lines: [string, string | Buffer][] = [
        ['no JSON', 'hello'],
        ['a list', '[1]'],
        ['null', 'null'],
        ['deep nesting', '['.repeat(30_000)],
        ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
        ['no id', '{"verb":"observe"}'],
        ['an id that is no number', '{"id":"1","verb":"observe"}'],
        ['an unknown verb', '{"id":1,"verb":"exec","oid":"x"}'],
        ['a verb of Object', '{"id":1,"verb":"constructor"}'],
        ['a field too many', `{"id":1,"verb":"lock","oid":"${OID}","name":"root"}`],
        ['a prototype', `{"id":1,"verb":"lock","oid":"${OID}","__proto__":{"uid":0}}`],
        ['a missing field', '{"id":1,"verb":"lock"}'],
        ['an oid that is a path', '{"id":1,"verb":"lock","oid":"../../etc/shadow"}'],
        ['an oid in upper case', '{"id":1,"verb":"lock","oid":"AAAAAAAA-2222-4333-8444-555555555555"}'],
        ['a list where a flag belongs', `{"id":1,"verb":"sudo","oid":"${OID}","granted":["true"]}`],
        ['groups that are no text', `{"id":1,"verb":"groups","oid":"${OID}","groups":[{"a":1}]}`],
        ...[
          'ALL',
          'root\n',
          '#1000',
          '%adm',
          '-rf',
          '../x',
          'a b',
          'ev:il',
          'x'.repeat(33),
          'ünal',
          'a',
          'end-',
          '',
        ].map((name): [string, string] => [`the name ${JSON.stringify(name)}`, create(name, '')]),
        ['a full name with a colon', create('colon', 'x:0:0:root:/root:/bin/sh')],
        ['a full name with a newline', create('newline', 'x\nroot2:x:0:0::/root:/bin/sh')],
        ['a full name that is too long', create('longname', 'é'.repeat(501))],
      ];

      it.each(lines)('refuses %s and changes nothing', async (_, line) => {
        const before = await fingerprint();

        agent.write(line);
        agent.write('\n');
        const reply = await agent.next();

        expect(reply).toMatchObject({ ok: false, error: { code: 'invalid', message: expect.any(String) } });
        expect(await fingerprint()).toBe(before);
      });

      it('refuses a request for an account that it does not know', async () => {
        agent.write(`{"id":7,"verb":"lock","oid":"${OID}"}\n`);

        expect(await agent.next()).toMatchObject({ id: 7, ok: false, error: { code: 'refused' } });
      });

      it('says which request is too long and closes the connection', async () => {
        agent.write('x'.repeat(64 * 1024 + 1));

        const reply = await agent.next();
        const { code } = await agent.end();

        expect(reply).toMatchObject({
          id: null,
          ok: false,
          error: { message: expect.stringContaining('65536 bytes') },
        });
        expect(code).toBe(0);
      });

      it('answers the requests around a bad one', async () => {
        agent.write('{"id":1,"verb":"observe"}\nnonsense\n\n{"id":2,"verb":"observe"}\n');

        const replies = [await agent.next(), await agent.next(), await agent.next()];

        expect(replies.map(({ id, ok }) => [id, ok]).sort()).toEqual([
          [null, false],
          [1, true],
          [2, true],
        ]);
      });

      it('finishes what was asked when the other side goes away', async () => {
        const oid = newOid();
        agent.write(`${JSON.stringify({ id: 1, verb: 'create', oid, name: 'orphan', gecos: '' })}\n`);

        await agent.end();

        expect(lab.linesOf('orphan').split('\n')).toHaveLength(4);
      });
    });

    describe('state and policy', () => {
      const oid = newOid();
      async function answerTo(request: object): Promise<{ reply: object; code: number | null; stderr: string }> {
        const agent = startRaw(lab.agent());
        agent.write(`${JSON.stringify({ id: 1, ...request })}\n`);
        const reply = await agent.next();
        return { reply, ...(await agent.end()) };
      }
      let good = '';
      beforeAll(async () => {
        await answerTo({ verb: 'create', oid, name: 'stateful', gecos: '' });
        good = lab.read(LEDGER_FILE);
      });
      afterEach(() => {
        lab.write(LEDGER_FILE, good, 0o600);
        lab.policy({});
      });

      it.each([
        ['is cut off', (text: string) => text.slice(0, -20)],
        ['is empty', () => ''],
        ['is of a newer version', (text: string) => text.replace('"version":1', '"version":2')],
        ['names an account twice', (text: string) => text.replace(/"accounts":\[(\{[^}]*\})/, '"accounts":[$1,$1')],
        ['claims a system uid', (text: string) => text.replace(/"uid":\d+/, '"uid":0')],
      ])('does nothing with a ledger that %s, and leaves it as it is', async (_, spoil) => {
        const bad = spoil(good);
        lab.write(LEDGER_FILE, bad, 0o600);
        const before = await fingerprint();

        const { reply, code, stderr } = await answerTo({ verb: 'lock', oid });

        expect(reply).toMatchObject({
          ok: false,
          error: { code: 'failed', message: expect.stringContaining(LEDGER_FILE) },
        });
        expect([code, stderr.includes('.prev')]).toEqual([1, true]);
        expect(lab.read(LEDGER_FILE)).toBe(bad);
        expect(await fingerprint()).toBe(before);
      });

      it('does not begin anew when only the former copy of the ledger is left', async () => {
        await lab.shell(`rm ${LEDGER_FILE}`);

        const { reply } = await answerTo({ verb: 'observe' });

        expect(reply).toMatchObject({ ok: false, error: { message: expect.stringContaining('former copy') } });
      });

      it.each([
        ['could be written by others', 'chmod 0666', 'others could write it'],
        ['belongs to somebody else', 'chown nobody', 'belongs to uid'],
        ['is missing', 'rm -f', 'cannot be read'],
      ])('does nothing with a policy file that %s', async (_, command, words) => {
        await lab.shell(`${command} ${POLICY_FILE}`);

        const { reply, code } = await answerTo({ verb: 'lock', oid });
        await lab.shell(`rm -f ${POLICY_FILE}`);

        expect(reply).toMatchObject({ ok: false, error: { code: 'failed', message: expect.stringContaining(words) } });
        expect(code).toBe(1);
      });

      it('does not run a tool that others could replace', async () => {
        await lab.shell('chmod o+w /usr/sbin/usermod');

        const { reply } = await answerTo({ verb: 'lock', oid });
        await lab.shell('chmod o-w /usr/sbin/usermod');

        expect(reply).toMatchObject({ ok: false, error: { message: expect.stringContaining('writable by others') } });
      });

      it('follows a changed policy for the sudo rules that are there', async () => {
        await answerTo({ verb: 'sudo', oid, granted: true });
        const allowed = await lab.shell('sudo -l -U stateful');
        lab.policy({ sudo: { enabled: true, nopasswd: false } });
        await answerTo({ verb: 'observe' });
        const withPassword = await lab.shell('sudo -l -U stateful');
        lab.policy({ sudo: { enabled: false, nopasswd: false } });

        await answerTo({ verb: 'observe' });

        expect([allowed.includes('NOPASSWD'), withPassword.includes('NOPASSWD')]).toEqual([true, false]);
        expect(await lab.shell('sudo -l -U stateful')).toContain('not allowed');
      });
    });
  },
);

function create(name: string, gecos: string): string {
  return JSON.stringify({ id: 1, verb: 'create', oid: OID, name, gecos });
}
