import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const LIFE_SECONDS = 2 * 3600;

/** Login tickets: signed text without any record on the server, so nothing can revoke one. */
export interface Tickets {
  issue(userid: string): { ticket: string; csrf: string };
  /** What stands in place of a ticket until the second factor is given; it proves nothing by itself. */
  challenge(userid: string): { ticket: string; csrf: string };
  /** The user of a genuine ticket of less than two hours, or undefined. */
  verify(ticket: string): string | undefined;
  verifyCsrf(userid: string, csrf: string): boolean;
}

export function createTickets(nowSeconds: () => number): Tickets {
  const key = randomBytes(32);

  function sign(text: string): string {
    return createHmac('sha256', key).update(text).digest('base64').replace(/=+$/, '');
  }

  function isFresh(stamp: string): boolean {
    const age = nowSeconds() - Number.parseInt(stamp, 16);
    return age > -300 && age < LIFE_SECONDS;
  }

  function make(data: string, userid: string) {
    const stamp = nowSeconds().toString(16).toUpperCase().padStart(8, '0');
    const plain = `PVE:${data}:${stamp}`;
    return { ticket: `${plain}::${sign(plain)}`, csrf: `${stamp}:${sign(`${stamp}:${userid}`)}` };
  }

  return {
    issue: (userid) => make(userid, userid),
    challenge: (userid) => make(`!tfa!${encodeURIComponent('{"totp":true,"recovery":"available"}')}`, userid),
    verify(ticket) {
      const match = /^(PVE:(.+):([0-9A-F]{8}))::([A-Za-z0-9+/]+)$/.exec(ticket);
      const [, plain = '', userid, stamp = '', signature = ''] = match ?? [];
      return isEqual(signature, sign(plain)) && isFresh(stamp) ? userid : undefined;
    },
    verifyCsrf(userid, csrf) {
      const [, stamp = '', signature = ''] = /^([0-9A-F]{8}):(.+)$/.exec(csrf) ?? [];
      return isEqual(signature, sign(`${stamp}:${userid}`)) && isFresh(stamp);
    },
  };
}

function isEqual(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
