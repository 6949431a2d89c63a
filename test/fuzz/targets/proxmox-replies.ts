import fc from 'fast-check';
import { SourceUnavailable } from '../../../src/domain/errors.js';
import type { LedgerEntry } from '../../../src/domain/ledger-entry.js';
import { ownerIn } from '../../../src/domain/proxmox-comment.js';
import { createProxmoxClient } from '../../../src/targets/proxmox/client.js';
import { observe } from '../../../src/targets/proxmox/observe.js';
import { createRealmDirectory } from '../../../src/targets/proxmox/realm-directory.js';
import { createRights } from '../../../src/targets/proxmox/rights.js';
import { listUsers } from '../../../src/targets/proxmox/users.js';
import { systemClock } from '../../../src/telemetry/system-clock.js';
import { type Edit, edit, mutate, type Touched } from '../mutate.js';
import { type RawAnswer, startRawServer } from '../raw-server.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const REALM = 'entra';
const BASE = 'entramox-entra';
const PEOPLE = ['1', '2', '3', '4', '5'].map((digit) => ({
  oid: `${digit.repeat(8)}-1111-4111-8111-111111111111`,
  name: `user${digit}@example.com@${REALM}`,
}));

/** So that a lost mark leaves everybody's user theirs. */
const REMEMBERED = PEOPLE.map(
  ({ oid, name }): LedgerEntry => ({
    oid,
    upn: name.slice(0, -REALM.length - 1),
    displayName: 'A B',
    state: 'active',
    since: 0,
    groups: [],
    names: { linux: name.slice(0, 5), proxmox: name },
    retired: [],
    conflicts: [],
  }),
);

const spoilt = fc.record({
  /** Which path is answered wrongly. */
  where: fc.constantFrom(
    '/access/users',
    '/access/users',
    '/access/users',
    '/access/groups',
    '/access/permissions',
    '/access/domains',
  ),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
  status: fc.oneof(
    { weight: 4, arbitrary: fc.constant(200) },
    fc.constantFrom(200, 204, 301, 400, 401, 403, 404, 500, 501, 595, 596),
  ),
  type: fc.constantFrom('application/json;charset=UTF-8', 'application/json;charset=UTF-8', 'text/html', ''),
  torn: fc.boolean(),
  /** One person by a call of their own, everybody by a listing, or the realm as the source of people. */
  asks: fc.constantFrom('one', 'all', 'source'),
});

/** Proxmox VE's answers for five enabled users, one answer spoilt, through the real client. */
export const proxmoxReplies: FuzzTarget = {
  name: 'proxmox-replies',
  holds: 'a spoilt answer never reads as absent or disabled, whatever is spoilt in it',
  runs: 200,
  async open() {
    let spoil: { where: string; edits: Edit[]; status: number; type: string; torn: boolean } | undefined;
    let touched: Touched[] = [];
    const server = await startRawServer((request): RawAnswer => {
      const path = new URL(request.url ?? '/', 'http://pve').pathname.replace('/api2/json', '');
      const truth = { data: answerTo(path) };
      if (!spoil || !path.startsWith(spoil.where))
        return { status: 200, type: 'application/json', body: JSON.stringify(truth) };
      const { text, touched: done } = mutate(truth, spoil.edits);
      touched.push(...done);
      return { status: spoil.status, type: spoil.type, body: text, torn: spoil.torn };
    });
    const log = () => undefined;
    // Waits between attempts are left out, the deadline of an attempt is kept.
    const clock = {
      now: systemClock.now,
      sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms <= 1000 ? 0 : ms, signal),
    };
    const client = createProxmoxClient({
      baseUrl: `http://127.0.0.1:${server.port}`,
      token: 'svc@pve!entramox=2f1c0a7e-8a55-4b7e-9f10-3d5b6c7d8e9f',
      timeoutMs: 3000,
      log,
      clock,
    });
    const check = checkOf(spoilt, async ({ asks, ...how }) => {
      spoil = how;
      touched = [];
      const { signal } = new AbortController();
      if (asks === 'source') {
        const directory = createRealmDirectory({ client, realm: REALM, remembered: () => REMEMBERED, log, clock });
        try {
          const readings = await directory.readIdentities(
            PEOPLE.map(({ oid }) => oid),
            signal,
          );
          for (const reading of readings) {
            if (reading.certainty === 'unknown') continue;
            const explained = touched.some(isSaid);
            must(
              explained || (reading.certainty === 'present' && reading.enabled),
              'garbage reads as gone',
              reading,
              touched,
            );
          }
        } catch (error) {
          if (!(error instanceof SourceUnavailable)) throw error;
        }
        return;
      }
      // Rights are remembered for a minute; here they are asked for each time.
      const rights = createRights({ client, clock });
      const list = (given: AbortSignal) => listUsers(client, log, given);
      const options = { client, rights, realm: REALM, managedGroups: [BASE], adoptExisting: false, ownerIn, list, log };
      const wanted = asks === 'one' ? PEOPLE.slice(0, 1) : PEOPLE;
      const sights = await observe(options, wanted, signal);
      must(sights.size === wanted.length, 'not one sight for each', [...sights]);
      for (const sight of sights.values()) {
        const explained = touched.some(isSaid);
        must(explained || sight.certainty !== 'absent', 'garbage reads as absent', sight, touched);
        must(
          explained || sight.certainty !== 'present' || sight.value.enabled,
          'garbage reads as disabled',
          sight,
          touched,
        );
      }
    });
    return {
      check,
      async close() {
        await client.close();
        await server.close();
      },
    };
  },
};

function answerTo(path: string): unknown {
  if (path === '/access/domains')
    return [
      { realm: 'pam', type: 'pam' },
      { realm: REALM, type: 'openid' },
    ];
  if (path === '/access/permissions') {
    return {
      '/access/groups': { 'Sys.Audit': 1 },
      [`/access/groups/${BASE}`]: { 'Sys.Audit': 1, 'User.Modify': 1 },
      '/access/realm/entra': { 'Realm.AllocateUser': 1 },
    };
  }
  if (path === '/access/groups') return [{ groupid: BASE, users: PEOPLE.map(({ name }) => name).join(',') }];
  if (path === `/access/groups/${BASE}`) return { members: PEOPLE.map(({ name }) => name) };
  const entry = ({ oid, name }: (typeof PEOPLE)[number]) => ({
    userid: name,
    enable: 1,
    expire: 0,
    comment: `Entramox: active; entra:${oid}`,
    firstname: 'A',
    lastname: 'B',
    email: 'a@example.com',
    groups: BASE,
  });
  if (path === '/access/users') return [{ userid: 'svc@pve', enable: 1 }, ...PEOPLE.map(entry)];
  const [person] = PEOPLE.filter(({ name }) => path.endsWith(encodeURIComponent(name)));
  return person ? { ...entry(person), groups: [BASE] } : null;
}

/** PVE's own way to say disabled or expired, a list without somebody in it, or another name or owner. */
function isSaid({ path, change, value }: Touched): boolean {
  const key = path.at(-1);
  if (change === 'drop' && typeof key === 'number' && path.length === 2) return true;
  if (key === 'enable') return value === 0 || value === '0' || value === false || value === '';
  if (key === 'expire') return value !== undefined;
  return (key === 'userid' || key === 'comment') && typeof value === 'string';
}
