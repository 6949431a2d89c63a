import { createInterface } from 'node:readline';
import type { Request } from '../../accounts/protocol.js';
import { Busy, messageOf } from '../../domain/errors.js';
import type { Log } from '../../telemetry/log.js';
import type { Channel, Connect } from './channel.js';
import { viaCommand } from './command-channel.js';
import { errorOf } from './failure.js';
import { replySchema } from './reply.js';
import { viaSocket } from './socket-channel.js';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A request of the protocol; the client numbers it. */
export type Ask = WithoutId<Request>;

export interface AccountsClient {
  /**
   * Asks the agent and resolves with its result, unchecked. Rejects with Conflict, Busy, Rejected or Error as the
   * agent answered, and with Busy when it cannot be reached or does not answer within the deadline. When the
   * connection breaks before the answer the request is sent once more: every verb may be repeated.
   */
  request(ask: Ask, signal: AbortSignal): Promise<unknown>;
  /** Ends the connection, or the child once it has finished. Requests afterwards are refused. */
  close(): Promise<void>;
}

/** Where the agent is: behind a Unix socket, or the argument array that starts it as our child. */
export type AgentPlace = { socketPath: string } | { command: readonly string[] };

export interface AccountsClientOptions {
  connect: AgentPlace | Connect;
  log: Log;
  /** Per request; archiving a home has its own. */
  deadlineMs?: number;
  deleteDeadlineMs?: number;
}

interface Line {
  channel: Channel;
  waiting: Map<number, (answer: Answer) => void>;
}

type Answer = { kind: 'reply'; reply: ReturnType<typeof replySchema.parse> } | { kind: 'lost'; why: string };

/** The client of the account agent: one connection, opened at the first request and again whenever it was lost. */
export function createAccountsClient(options: AccountsClientOptions): AccountsClient {
  const { log, deadlineMs = 60_000, deleteDeadlineMs = 900_000 } = options;
  const connect = typeof options.connect === 'function' ? options.connect : wayTo(options.connect, log);
  const closing = new AbortController();
  let current: Promise<Line> | undefined;
  let lastId = 0;

  function openLine(): Promise<Line> {
    current ??= begin();
    return current;
  }

  async function begin(): Promise<Line> {
    try {
      const channel = await connect(closing.signal);
      const line: Line = { channel, waiting: new Map() };
      log('linux.agent.connected');
      createInterface({ input: channel.output })
        .on('line', (text) => receive(line, text))
        // readline hands errors of its input on, and without a listener a connection that was reset would end this
        // process. The channel itself tells of its end.
        .on('error', () => undefined);
      void channel.closed.then((why) => lose(line, why));
      return line;
    } catch (error) {
      current = undefined;
      throw error;
    }
  }

  function receive({ waiting }: Line, text: string): void {
    const reply = parseReply(text);
    if (!reply) {
      log('linux.agent.nonsense', { line: text.slice(0, 200) });
      return;
    }
    // An id nobody waits for belongs to a request that was given up.
    if (reply.id !== null) waiting.get(reply.id)?.({ kind: 'reply', reply });
  }

  function lose({ waiting }: Line, why: string): void {
    current = undefined;
    if (!closing.signal.aborted) log('linux.agent.lost', { why, unanswered: waiting.size });
    for (const settle of waiting.values()) settle({ kind: 'lost', why });
  }

  async function exchange(ask: Ask, signal: AbortSignal): Promise<Answer> {
    const { channel, waiting } = await openLine();
    lastId += 1;
    const id = lastId;
    const answer = new Promise<Answer>((settle) => waiting.set(id, settle));
    try {
      channel.input.write(`${JSON.stringify({ id, ...ask })}\n`);
      return await untilAborted(answer, signal);
    } finally {
      waiting.delete(id);
    }
  }

  return {
    async request(ask, signal) {
      const limitMs = ask.verb === 'delete' ? deleteDeadlineMs : deadlineMs;
      const deadline = AbortSignal.timeout(limitMs);
      const either = AbortSignal.any([signal, deadline, closing.signal]);
      try {
        either.throwIfAborted();
        let answer = await exchange(ask, either);
        // An agent that just ended because it had nothing to do: the next one answers.
        if (answer.kind === 'lost') answer = await exchange(ask, either);
        if (answer.kind === 'lost') throw new Busy(`the account agent does not answer: ${answer.why}`, 5_000);
        if (!answer.reply.ok) throw errorOf(answer.reply.error);
        return answer.reply.result;
      } catch (error) {
        if (error !== deadline.reason) throw error;
        throw new Busy(`the account agent did not answer ${ask.verb} within ${limitMs / 1000} s`, 5_000);
      }
    },
    async close() {
      closing.abort(new Busy('the client of the account agent is closed'));
      const line = await current?.catch((error: unknown) => {
        log('linux.agent.lost', { why: messageOf(error), unanswered: 0 });
        return undefined;
      });
      await line?.channel.close();
    },
  };
}

function wayTo(place: AgentPlace, log: Log): Connect {
  return 'command' in place ? viaCommand(place.command, log) : viaSocket(place.socketPath);
}

function parseReply(text: string): ReturnType<typeof replySchema.parse> | undefined {
  try {
    return replySchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
