import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { AgentError } from '../../../src/accounts/errors.js';
import { openLedger as openAgentRecord } from '../../../src/accounts/ledger.js';
import { Rejected } from '../../../src/domain/errors.js';
import { LedgerBroken, openLedger } from '../../../src/ledger/ledger.js';
import { createCheckpointFile } from '../../../src/listener/event-hub/checkpoint-file.js';
import { openSubscriptionStore } from '../../../src/listener/subscriptions/store.js';
import { openLinkStore } from '../../../src/reconcile/catch-up/links.js';
import { inFolder } from '../folder.js';
import { edit, mutate } from '../mutate.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

const OID = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';
const GROUP = '33333333-3333-4333-8333-333333333333';
const STATE = 'never-to-be-seen-client-state-0123456789';

const LEDGER = {
  version: 1,
  identities: {
    [OID]: {
      oid: OID,
      upn: 'alice@example.com',
      displayName: 'Alice',
      state: 'grace',
      since: 1_795_000_000_000,
      reason: 'in none of the configured groups',
      deleteAt: 1_795_086_400_000,
      groups: [GROUP],
      names: { linux: 'alice', proxmox: 'alice@example.com@entra' },
      retired: ['old@example.com@entra'],
      conflicts: [{ target: 'linux', what: 'taken', remedy: 'rename', since: 1 }],
    },
  },
  groups: { [GROUP]: { members: 3, at: 1 } },
  guard: { window: [{ oid: OTHER, kind: 'lock', at: 5 }], approved: [{ oid: OTHER, kind: 'delete', until: 9 }] },
  lastSweep: { startedAt: 1, finishedAt: 2, result: 'done', identities: 1, applied: 0, failed: 0 },
};
const AGENT_RECORD = {
  version: 1,
  accounts: [
    { oid: OID, name: 'alice', uid: 20_001, state: 'made', adopted: false, formerNames: ['al'] },
    {
      oid: OTHER,
      name: 'bob',
      uid: 20_002,
      state: 'deleting',
      adopted: true,
      formerNames: [],
      archive: null,
      lock: { previousExpiry: '', passwordWasLocked: false, since: 1, bootId: 'b', uptimeMs: 5 },
    },
  ],
  locks: [1, 2],
  deletes: [3],
};
const SUBSCRIPTIONS = {
  version: 1,
  subscriptions: [
    {
      id: OID,
      resource: '/users',
      changeType: 'updated',
      clientState: STATE,
      expiresAt: 1,
      createdAt: 2,
      renewedAt: 3,
      touchedAt: 4,
      touchedBy: 'create',
    },
  ],
};

const ORIGIN = { tenantId: OID, graphBaseUrl: 'https://graph.microsoft.com' };
const LINKS = {
  version: 1,
  ...ORIGIN,
  links: [
    {
      kind: 'users',
      ids: [OID, OTHER],
      link: 'https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a',
      issuedAt: 1,
    },
    { kind: 'groups', ids: null, link: 'https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=b', issuedAt: 2 },
  ],
};
const CHECKPOINTS = {
  version: 1,
  hub: 'namespace/hub/$Default',
  checkpoints: [{ partition: '0', offset: '4711', sequenceNumber: 12, storedAt: 1_795_000_000_000 }],
};

/** The text of a stored file: mutated, or of any bytes at all. */
function textOf(truth: object): fc.Arbitrary<Buffer> {
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => Buffer.from(mutate(truth, edits).text)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))) },
  );
}

interface Loader {
  name: string;
  file: string;
  truth: object;
  /** What was understood, to be compared with what stands in the file. */
  load(path: string): Promise<unknown>;
  isClear(error: unknown): boolean;
}

/** Whether every field that was understood stands in the file just so: nothing made up, nothing changed. */
function isIn(understood: unknown, file: unknown): boolean {
  if (typeof understood !== 'object' || understood === null) return isDeepStrictEqual(understood, file);
  if (typeof file !== 'object' || file === null) return false;
  if (Array.isArray(understood)) {
    return (
      Array.isArray(file) && understood.length === file.length && understood.every((item, at) => isIn(item, file[at]))
    );
  }
  const there = file as Record<string, unknown>;
  return Object.entries(understood).every(([key, value]) => value === undefined || isIn(value, there[key]));
}

function loaderTarget({ name, file, truth, load, isClear }: Loader): FuzzTarget {
  return {
    name,
    holds: 'is understood as it stands or refused in clear words, and never changed, emptied or guessed at',
    runs: 200,
    async open() {
      const check = checkOf(textOf(truth), (content) =>
        inFolder(async (folder) => {
          const path = join(folder, file);
          writeFileSync(path, content, { mode: 0o600 });
          let understood: unknown;
          try {
            understood = await load(path);
          } catch (error) {
            must(isClear(error), 'an error of another kind', String(error));
            must((error as Error).message.includes(path), 'the words do not name the file', String(error));
            must(!(error as Error).message.includes(STATE), 'the words hold a secret', String(error));
          }
          if (understood !== undefined)
            must(isIn(understood, JSON.parse(content.toString())), 'understood otherwise', understood);
          must(readFileSync(path).equals(content), 'the file was changed');
          must(readdirSync(folder).length === 1, 'something was left beside it', readdirSync(folder));
        }),
      );
      return { check, close: async () => undefined };
    },
  };
}

/** `ledger.json`. */
export const ledgerFile = loaderTarget({
  name: 'ledger',
  file: 'ledger.json',
  truth: LEDGER,
  load: async (path) => (await openLedger(path)).data,
  isClear: (error) => error instanceof LedgerBroken,
});

/** The account agent's `accounts.json`. */
export const agentRecord = loaderTarget({
  name: 'agent-record',
  file: 'accounts.json',
  truth: AGENT_RECORD,
  load: async (path) => {
    const ledger = openAgentRecord(path);
    return { accounts: ledger.entries() };
  },
  isClear: (error) => error instanceof AgentError && error.code === 'failed' && error.remedy !== undefined,
});

/** The listener's `subscriptions.json`. */
export const subscriptionsFile = loaderTarget({
  name: 'subscriptions',
  file: 'subscriptions.json',
  truth: SUBSCRIPTIONS,
  load: async (path) => ({ subscriptions: withoutDefaults((await openSubscriptionStore({ path })).list()) }),
  isClear: (error) => error instanceof Rejected,
});

/** The reconciler's `catch-up.json`. One that cannot be used is told of and counts as empty: catch-up begins afresh. */
export const catchUpFile = loaderTarget({
  name: 'catch-up',
  file: 'catch-up.json',
  truth: LINKS,
  async load(path) {
    let told = false;
    const complain = (why: string) => {
      must(why.length > 0, 'a complaint without words');
      told = true;
    };
    const links = (await openLinkStore({ path, ...ORIGIN, complain })).list();
    must(!told || links.length === 0, 'links of a file that cannot be used', links);
    const rows = links.map(({ query, link, issuedAt }) => ({
      kind: query.kind,
      ids: query.ids ?? null,
      link,
      issuedAt,
    }));
    return rows.length === 0 ? undefined : { links: rows };
  },
  isClear: () => false,
});

/** The listener's `event-hub-checkpoints.json`. */
export const checkpointFile = loaderTarget({
  name: 'checkpoints',
  file: 'event-hub-checkpoints.json',
  truth: CHECKPOINTS,
  load: (path) => createCheckpointFile(path).read(),
  isClear: (error) => error instanceof Rejected,
});

/** `touchedBy` has a default, for files of an older release. */
function withoutDefaults(records: readonly { touchedBy: string }[]): unknown {
  return records.map(({ touchedBy, ...record }) => (touchedBy === 'create' ? record : { ...record, touchedBy }));
}
