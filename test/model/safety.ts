import type { Request } from '../simulators/accounts/request.js';
import type { SimulatedAccount } from '../simulators/accounts/state.js';
import type { UserView } from '../simulators/proxmox/index.js';
import { type Report, type Word, wordOn } from './evidence.js';
import type { Asked } from './gate.js';
import { APPROVAL_MS, DELETE_AFTER_MS, GUARD_WINDOW_MS } from './settings.js';
import type { Statement, Statements } from './statements.js';
import { markIn, userIdOf } from './truth.js';

export type Invariant =
  | 'nobody unowned touched'
  | 'nobody locked who should be active'
  | 'nobody loses rights without a word'
  | 'every certain leaver locked'
  | 'nothing deleted early'
  | 'the guard holds'
  | 'names and uids stay with their people'
  | 'at rest as desired';

export interface Violation {
  invariant: Invariant;
  what: string;
}

/** What the judge has to see of the world. */
export interface Seen {
  now(): number;
  step(): number;
  statements: Statements;
  listed(oid: string): boolean;
  adminsGroup: string;
  account(oid: string): SimulatedAccount | undefined;
  user(userid: string): UserView | undefined;
  /** Unix names that are somebody else's. */
  isForeign(unixName: string): boolean;
  /** Somebody or something hinders the reconciler, so that it may be deceived. */
  isHindered(): boolean;
  /** Most people whom one window may lock, and delete. */
  limits: { locks: number; deletes: number };
}

/** Judges every write at the moment it is asked for, by what was said until then. It never looks into the product. */
export interface Safety {
  violations: Violation[];
  noteReport(report: Report): void;
  /** An operator hands this Proxmox user over. */
  noteAdoption(userid: string): void;
  /** An operator let these people be locked or deleted. */
  noteApproval(oids: readonly string[]): void;
  judgeAgent(request: Request): void;
  judgeProxmox(asked: Asked): void;
  word(oid: string): Word;
  add(invariant: Invariant, what: string): void;
}

type Target = 'linux' | 'proxmox';

interface Loss {
  oid: string;
  target: Target;
  kind: 'locks' | 'deletes';
  at: number;
}

export function createSafety(seen: Seen): Safety {
  const violations: Violation[] = [];
  const reports: Report[] = [];
  const adopted = new Set<string>();
  const approved = new Map<string, number>();
  let losses: Loss[] = [];

  function add(invariant: Invariant, what: string): void {
    violations.push({ invariant, what: `${what} (${new Date(seen.now()).toISOString()})` });
  }

  function word(oid: string): Word {
    return wordOn(seen.statements.of(oid), reports, seen.listed(oid));
  }

  /** A listing may be older than a direct read of the same moment: either may be what the lock rests on. */
  function mayLock(oid: string): boolean {
    const said = seen.statements.of(oid);
    const kinds = [word(oid)];
    if (said.at(-1)?.by === 'listing') {
      const inThisStep = said.filter((item) => item.step === seen.step());
      const single = inThisStep.findLastIndex((item) => item.by === 'single');
      const upTo = said.length - (inThisStep.length - 1 - single);
      if (single >= 0) kinds.push(wordOn(said.slice(0, upTo), reports, seen.listed(oid)));
    }
    return kinds.some(({ kind }) => kind === 'gone' || kind === 'suspended');
  }

  function count(oid: string, target: Target, kind: Loss['kind']): void {
    const now = seen.now();
    losses = losses.filter(({ at }) => at > now - GUARD_WINDOW_MS);
    if ((approved.get(oid) ?? 0) >= now) return;
    losses.push({ oid, target, kind, at: now });
    const people = new Set(
      losses.filter((loss) => loss.kind === kind && loss.target === target).map((loss) => loss.oid),
    );
    if (people.size > seen.limits[kind])
      add(
        'the guard holds',
        `${people.size} people on ${target} among the ${kind} of a window, ${seen.limits[kind]} may`,
      );
  }

  function lockAsked(oid: string, what: string): void {
    if (!mayLock(oid)) add('nobody locked who should be active', `${what}; the last word: ${tell(word(oid))}`);
  }

  function deletionAsked(oid: string, name: string): void {
    const said = word(oid);
    const now = seen.now();
    const fresh = said.kind === 'gone' && said.last.step === seen.step() && said.last.by === 'single';
    const early = said.kind === 'gone' && now - said.since < DELETE_AFTER_MS;
    if (!fresh) add('nothing deleted early', `${name} without a fresh word; the last: ${tell(said)}`);
    else if (early) add('nothing deleted early', `${name}, gone for ${now - said.since} ms only`);
  }

  return {
    violations,
    word,
    add,
    noteReport: (report) => reports.push(report),
    noteAdoption: (userid) => adopted.add(userid),
    noteApproval: (oids) => {
      for (const oid of oids) approved.set(oid, seen.now() + APPROVAL_MS);
    },
    judgeAgent(request) {
      if (request.verb === 'observe') return;
      const { oid } = request;
      const account = seen.account(oid);
      const name = account?.name ?? oid;
      if (request.verb === 'create') {
        if (seen.isForeign(request.name)) add('nobody unowned touched', `the account ${request.name} is asked for`);
      } else if (!account) add('nobody unowned touched', `${request.verb} for ${oid}, who has no account`);
      if (request.verb === 'lock') {
        lockAsked(oid, `the account ${name}`);
        if (account && !account.locked) count(oid, 'linux', 'locks');
      }
      if (request.verb === 'sudo' && !request.granted && account?.sudo) {
        const revocable = seen.statements.membership(oid, seen.adminsGroup) === false || mayLock(oid);
        if (!revocable) add('nobody loses rights without a word', `sudo of ${name}`);
        count(oid, 'linux', 'locks');
      }
      if (request.verb === 'delete' && account?.state !== 'deleted') {
        deletionAsked(oid, name);
        count(oid, 'linux', 'deletes');
      }
    },
    judgeProxmox({ method, path, body }) {
      if (method === 'GET') return;
      const fields = JSON.parse(body ?? '{}') as { userid?: string; enable?: number; comment?: string };
      const userid = fields.userid ?? userIdIn(path);
      if (userid === undefined) return add('nobody unowned touched', `${method} ${path}`);
      const user = seen.user(userid);
      const owner = user && markIn(user.comment);
      if (method === 'DELETE') add('nothing deleted early', `the Proxmox user ${userid}`);
      // PVE itself refuses to make somebody who is there; asking for it is wrong where nothing was hidden.
      if (method === 'POST' && user && !owner && !seen.isHindered())
        add('nobody unowned touched', `${userid} is to be made and is there`);
      if (method === 'PUT' && user && !owner && !adopted.has(userid))
        add('nobody unowned touched', `${userid} is nobody's and is written: ${body}`);
      const taken = owner && fields.comment !== undefined ? markIn(fields.comment) : owner;
      if (taken !== owner) add('nobody unowned touched', `${userid} of ${owner} becomes ${taken}'s`);
      if (fields.enable !== 0 || !owner || !user?.enabled) return;
      const current = lastUpn(seen.statements.of(owner));
      const retired = current !== undefined && userIdOf(current) !== userid;
      if (!retired) {
        lockAsked(owner, `the Proxmox user ${userid}`);
        count(owner, 'proxmox', 'locks');
      }
    },
  };
}

function userIdIn(path: string): string | undefined {
  const name = /^\/api2\/json\/access\/users\/([^/?]+)/.exec(path)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
}

function lastUpn(statements: readonly Statement[]): string | undefined {
  return statements.findLast((item) => item.upn !== undefined)?.upn;
}

function tell(word: Word): string {
  return word.kind === 'none' ? 'none' : `${word.kind}, ${word.last.by} "${word.last.says}" [${word.last.groups}]`;
}
