import { randomUUID } from 'node:crypto';
import type { Call, Route, Service } from './call.js';
import { ApiError, forbidden, invalid } from './errors.js';
import { FIELD } from './field-rules.js';
import { type Fields, readParams } from './fields.js';
import { existingToken, existingUser, putToken, requireUserId, tokenInfo } from './lookups.js';
import { requireOverUser } from './permissions.js';
import type { TokenRecord } from './records.js';

const PATH = { userid: FIELD.userid, tokenid: FIELD.tokenid };
const SETTINGS = { comment: FIELD.comment, expire: FIELD.expire, privsep: FIELD.flag };

/** /access/users/{userid}/token and below. */
export function tokenRoutes(service: Service): Route[] {
  const { state, permissions } = service;
  const list = '/access/users/{userid}/token';
  const single = `${list}/{tokenid}`;
  const changing: Fields = {
    ...(service.release.atLeast('9.1') ? { regenerate: FIELD.flag } : {}),
    delete: { type: 'text', list: true },
  };

  /** Oneself, with a ticket, or User.Modify over the user; an unknown user is refused like a foreign one. */
  function requireOwner({ caller, raw }: Call): void {
    if (permissions.isRootWithTicket(caller)) return;
    const userid = requireUserId(raw.userid);
    if (state.users.has(userid) && caller.authid === userid) return;
    try {
      requireOverUser({ state, permissions, caller, userid, anyOf: ['User.Modify'] });
    } catch (error) {
      throw error instanceof ApiError ? forbidden() : error;
    }
  }

  return [
    {
      method: 'GET',
      template: list,
      handle(call) {
        requireOwner(call);
        const user = existingUser(state, readParams({ userid: FIELD.userid }, call.raw).must('userid'));
        const tokens = service.shuffle([...user.tokens.values()]);
        return tokens.map((token) => ({ tokenid: token.tokenid, ...tokenInfo(token) }));
      },
    },
    {
      method: 'GET',
      template: single,
      handle(call) {
        requireOwner(call);
        const params = readParams(PATH, call.raw);
        return tokenInfo(existingToken(state, params.must('userid'), params.must('tokenid')));
      },
    },
    {
      method: 'POST',
      template: single,
      async handle(call) {
        requireOwner(call);
        const params = readParams({ ...PATH, ...SETTINGS }, call.raw);
        const [userid, tokenid] = [params.must('userid'), params.must('tokenid')];
        if (existingUser(state, userid).tokens.has(tokenid)) throw invalid({ tokenid: 'Token already exists.' });
        const token: TokenRecord = {
          tokenid,
          expire: params.integer('expire') ?? existingUser(state, userid).expire,
          privsep: params.flag('privsep') ?? true,
          comment: params.text('comment'),
          secret: randomUUID(),
        };
        await service.write('generating token failed', () => putToken(state, existingUser(state, userid), token));
        const echo = { ...tokenInfo(token), ...pickRaw(call.raw, ['expire', 'privsep']) };
        return { 'full-tokenid': `${userid}!${tokenid}`, info: echo, value: token.secret };
      },
    },
    {
      method: 'PUT',
      template: single,
      async handle(call) {
        requireOwner(call);
        const params = readParams({ ...PATH, ...SETTINGS, ...changing }, call.raw);
        const [userid, tokenid] = [params.must('userid'), params.must('tokenid')];
        const regenerate = params.flag('regenerate') ?? false;
        const doomed = new Set(params.list('delete') ?? []);
        const token = await service.write('updating token info failed', () => {
          const before = existingToken(state, userid, tokenid);
          const after: TokenRecord = {
            tokenid,
            expire: params.integer('expire') ?? (doomed.has('expire') ? 0 : before.expire),
            privsep: params.flag('privsep') ?? (doomed.has('privsep') || before.privsep),
            comment: params.text('comment') ?? (doomed.has('comment') ? undefined : before.comment),
            secret: regenerate ? randomUUID() : before.secret,
          };
          putToken(state, existingUser(state, userid), after);
          return after;
        });
        const answer = { ...tokenInfo(token), ...pickRaw(call.raw, ['expire', 'privsep']) };
        return regenerate ? { ...answer, 'full-tokenid': `${userid}!${tokenid}`, value: token.secret } : answer;
      },
    },
    {
      method: 'DELETE',
      template: single,
      async handle(call) {
        requireOwner(call);
        const params = readParams(PATH, call.raw);
        const [userid, tokenid] = [params.must('userid'), params.must('tokenid')];
        await service.write('deleting token failed', () => {
          existingToken(state, userid, tokenid);
          const user = existingUser(state, userid);
          state.putUser({ ...user, tokens: new Map([...user.tokens].filter(([id]) => id !== tokenid)) });
        });
        return null;
      },
    },
  ];
}

/** Fresh answers echo what was sent, so a number in a form comes back as a string. */
function pickRaw(raw: Call['raw'], names: readonly string[]): Record<string, unknown> {
  const given = names.filter((name) => raw[name] !== undefined && raw[name] !== null);
  return Object.fromEntries(given.map((name) => [name, raw[name]]));
}
