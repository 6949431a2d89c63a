import { z } from 'zod';
import type { Clock } from '../../../domain/clock.js';
import { Rejected, SourceUnavailable } from '../../../domain/errors.js';
import { registerPassingSecret } from '../../../telemetry/redact.js';
import { errorText, parseData } from '../answer.js';
import { ProxmoxError } from '../proxmox-error.js';
import { flag } from '../schema.js';
import { excerpt } from '../text.js';
import type { Credential, Exchange, Proof } from './credential.js';
import type { Method, TransportReply } from './transport.js';

export interface TicketOptions {
  /** `root@pam`, with its realm. */
  userid: string;
  /** Asked for once, at the first call. */
  password: () => string | Promise<string>;
  /** Where the password comes from, for messages. */
  from: string;
  clock: Clock;
}

/** A ticket lives two hours (PVE::Ticket); renewing it at half of that leaves time for a slow write. */
const RENEW_AFTER_MS = 60 * 60_000;
const LIFE_MS = 2 * 60 * 60_000;

const USERID = /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$/;

/** What goes into a header as it is. */
const headerText = z.string().regex(/^[\x21-\x7e]+$/);

/** POST /access/ticket; what a second factor asks for stands in place of a ticket that could be used. */
const login = z.object({
  ticket: headerText,
  CSRFPreventionToken: headerText.nullish(),
  NeedTFA: flag.nullish(),
});

interface Ticket {
  kind: 'ticket';
  text: string;
  csrf: string;
  takenAt: number;
  proof: Proof;
}

/** A ticket, or what came in place of one. */
type Login = Ticket | TransportReply;

/** Why this cannot be a user of Proxmox VE, in words; undefined: it can. */
export function useridProblem(userid: string): string | undefined {
  if (USERID.test(userid) && userid.length <= 64) return undefined;
  return `${JSON.stringify(userid)} is no user of Proxmox VE: expected USER@REALM, such as root@pam`;
}

/**
 * A login with a password, which goes only into the body of POST /access/ticket. The ticket is renewed before it runs
 * out; one that PVE refuses earlier (its key was changed, the user was disabled and enabled) is replaced by one new login.
 * Throws Rejected where the user has no realm in its name.
 */
export function ticketCredential({ userid, password, from, clock }: TicketOptions): Credential {
  const problem = useridProblem(userid);
  if (problem !== undefined) throw new Rejected(problem);
  let current: Ticket | undefined;
  let pending: Promise<Login> | undefined;
  let secret: string | undefined;
  /** A password that was refused is not tried again: too many such logins lock people out. */
  let denied: TransportReply | undefined;

  async function take(exchange: Exchange, signal: AbortSignal): Promise<Login> {
    if (denied) return denied;
    const old = current;
    current = undefined;
    if (old && clock.now() - old.takenAt < LIFE_MS) {
      const renewed = await ask(exchange, old.text, signal);
      // That a ticket is not taken for a new one says nothing about the password.
      if (renewed.kind !== 'refused') return renewed;
    }
    secret ??= await password();
    const made = await ask(exchange, secret, signal);
    if (made.kind === 'refused') denied = made;
    return made;
  }

  async function ask(exchange: Exchange, proof: string, signal: AbortSignal): Promise<Login> {
    const body = JSON.stringify({ username: userid, password: proof });
    const takenAt = clock.now();
    const reply = await exchange({ method: 'POST', path: '/access/ticket', body }, signal);
    // A login that got no answer did nothing that the call which follows rests on.
    if (reply.kind === 'lost') return { kind: 'not-sent', what: `the login: ${reply.what}` };
    if (reply.kind !== 'answer') return reply;
    if (reply.status === 401) return refusal(reply);
    if (reply.status >= 300) return reply;
    const answer = reply.body.ok ? parseData(reply.body.text, login) : reply.body;
    if (!answer.ok) return strange(answer.why);
    const { ticket, CSRFPreventionToken: csrf, NeedTFA: needsMore } = answer.data;
    if (needsMore || ticket.startsWith('PVE:!tfa!')) return secondFactor();
    registerPassingSecret(ticket);
    // Tickets hold characters that end a cookie's value; PVE decodes it (pve-http-server).
    const cookie = `PVEAuthCookie=${encodeURIComponent(ticket)}`;
    const writing: Record<string, string> = csrf ? { CSRFPreventionToken: csrf } : {};
    const headers: (method: Method) => Record<string, string> = (method) =>
      method === 'GET' ? { cookie } : { cookie, ...writing };
    current = { kind: 'ticket', text: ticket, csrf: csrf ?? '', takenAt, proof: { ok: true, headers } };
    return current;
  }

  function refusal(reply: TransportReply & { kind: 'answer' }): TransportReply {
    const said = excerpt(errorText(reply.body.ok ? reply.body.text : '', reply.reason), secret ?? '');
    const message = `Proxmox VE refused the login of ${userid} ("${said}"): is the password from ${from} right, and the user enabled and not expired?`;
    return { kind: 'refused', error: new ProxmoxError(message, 401, said, 'unauthenticated') };
  }

  function secondFactor(): TransportReply {
    const message = `${userid} has a second factor, which cannot be given here: make an API token for an administrator and name its file with --admin-token-file, or run this as root on the node with --pvesh`;
    return { kind: 'refused', error: new Rejected(message) };
  }

  function strange(why: string): TransportReply {
    const message = `the answer of Proxmox VE to the login of ${userid} ${why}; is PVE_API_URL right, and nothing in between?`;
    return { kind: 'refused', error: new SourceUnavailable(message) };
  }

  /** One login for all who wait; whoever began it and is called off does not take it from the others. */
  async function ticket(exchange: Exchange, signal: AbortSignal): Promise<Login> {
    for (;;) {
      signal.throwIfAborted();
      if (current && clock.now() - current.takenAt < RENEW_AFTER_MS) return current;
      const isOurs = pending === undefined;
      pending ??= take(exchange, signal).finally(() => {
        pending = undefined;
      });
      try {
        return await pending;
      } catch (error) {
        if (isOurs || signal.aborted) throw error;
      }
    }
  }

  return {
    caller: { kind: 'ticket', owner: userid, id: userid, from },
    secrets() {
      const ticket = current ? [current.text, encodeURIComponent(current.text), current.csrf] : [];
      return secret === undefined ? ticket : [secret, ...ticket];
    },
    async prove(exchange, signal) {
      const found = await ticket(exchange, signal);
      return found.kind === 'ticket' ? found.proof : { ok: false, reply: found };
    },
    refused(proof) {
      // Somebody else may have replaced it meanwhile; then the call is repeated with the new one.
      if (current?.proof === proof) current = undefined;
      return true;
    },
  };
}
