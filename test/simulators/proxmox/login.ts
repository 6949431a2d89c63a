import type { Route, Service } from './call.js';
import { ApiError } from './errors.js';
import { FIELD } from './field-rules.js';
import { readParams } from './fields.js';
import { userIdProblem } from './identity.js';
import type { UserRecord } from './records.js';
import type { Tickets } from './tickets.js';

const FIELDS = {
  username: { type: 'text', required: true, maxLength: 64 },
  password: { type: 'text', required: true },
  realm: { type: 'text', maxLength: 32 },
  otp: { type: 'text' },
  path: { type: 'text', maxLength: 64 },
  privs: { type: 'text', maxLength: 64 },
  'tfa-challenge': { type: 'text' },
  'new-format': FIELD.flag,
} as const;

/** What `keys` of a user says once one is set up; which one it is stands elsewhere. */
const SECOND_FACTOR = 'x';

/** POST /access/ticket: users with a password, or renewal by a ticket that is still good. */
export function loginRoutes(service: Service, tickets: Tickets): Route[] {
  return [
    { method: 'GET', template: '/access/ticket', world: true, handle: () => null },
    {
      method: 'POST',
      template: '/access/ticket',
      world: true,
      ticketOnly: true,
      handle({ raw }) {
        const params = readParams(FIELDS, raw);
        const realm = params.text('realm');
        const name = params.must('username');
        const userid = realm === undefined ? name : `${name}@${realm}`;
        const user = userIdProblem(userid) === undefined ? service.state.users.get(userid) : undefined;
        const password = params.must('password');
        const renewed = tickets.verify(password) === userid;
        const proved = user?.password === password || renewed;
        if (user === undefined || !proved || !isEnabled(user, service.nowSeconds())) {
          throw new ApiError(401, 'authentication failure');
        }
        if (user.keys === SECOND_FACTOR && !renewed) {
          const { ticket, csrf } = tickets.challenge(userid);
          return { username: userid, ticket, CSRFPreventionToken: csrf, NeedTFA: 1 };
        }
        const { ticket, csrf } = tickets.issue(userid);
        return { username: userid, ticket, CSRFPreventionToken: csrf, cap: {}, clustername: 'simulated' };
      },
    },
  ];
}

/** Whether a user may act at all: enabled, and not past its expiry. */
export function isEnabled(user: UserRecord, nowSeconds: number): boolean {
  return user.enable && !isExpired(user, nowSeconds);
}

/** An expiry of this very second still holds. */
export function isExpired(record: { expire: number }, nowSeconds: number): boolean {
  return record.expire !== 0 && record.expire < nowSeconds;
}
