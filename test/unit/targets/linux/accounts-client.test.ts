import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Busy, Rejected } from '../../../../src/domain/errors.js';
import { createAccountsClient } from '../../../../src/targets/linux/accounts-client.js';
import type { Channel } from '../../../../src/targets/linux/channel.js';

const signal = new AbortController().signal;

type Request = { id: number; verb: string };

/** An agent of our own: `answer` gives the line for a request, nothing at all, or ends or resets the connection. */
function fakeAgent(answer: (request: Request, connection: number) => object | 'nothing' | 'hang up' | 'reset') {
  let connections = 0;
  let send: (reply: object) => void = () => undefined;
  const closedBy: string[] = [];
  const connect = async (): Promise<Channel> => {
    connections += 1;
    const connection = connections;
    const input = new PassThrough();
    const output = new PassThrough();
    send = (reply) => output.write(`${JSON.stringify(reply)}\n`);
    let hangUp: (why: string) => void = () => undefined;
    const closed = new Promise<string>((resolve) => {
      hangUp = resolve;
    });
    input.on('data', (bytes: Buffer) => {
      for (const line of String(bytes).trim().split('\n')) {
        const reply = answer(JSON.parse(line) as Request, connection);
        if (reply === 'hang up') hangUp('it ended');
        else if (reply === 'reset') {
          output.on('error', (error) => hangUp(error.message)).destroy(new Error('read ECONNRESET'));
        } else if (reply !== 'nothing') send(reply);
      }
    });
    const close = async () => {
      closedBy.push('us');
      hangUp('closed');
    };
    return { input, output, closed, close };
  };
  const client = createAccountsClient({ connect, log: () => undefined, deadlineMs: 200 });
  return { client, closedBy, connections: () => connections, send: (reply: object) => send(reply) };
}

const oid = '11111111-1111-4111-8111-111111111111';

describe('the client of the account agent', () => {
  it('matches answers by their number, in whatever order they come', async () => {
    const held: Request[] = [];
    const { client, connections, send } = fakeAgent((request) => {
      held.push(request);
      if (held.length === 2) for (const { id, verb } of held.toReversed()) send({ id, ok: true, result: verb });
      return 'nothing';
    });

    const answers = await Promise.all([
      client.request({ verb: 'lock', oid }, signal),
      client.request({ verb: 'unlock', oid }, signal),
    ]);

    expect(answers).toEqual(['lock', 'unlock']);
    expect(connections()).toBe(1);
  });

  it('asks once more over a new connection when the agent ended before it answered', async () => {
    const { client, connections } = fakeAgent(({ id }, connection) =>
      connection === 1 ? 'hang up' : { id, ok: true, result: 'done' },
    );

    expect(await client.request({ verb: 'lock', oid }, signal)).toBe('done');
    expect(connections()).toBe(2);
  });

  it('asks for patience when the agent ends every time', async () => {
    const { client, connections } = fakeAgent(() => 'hang up');

    await expect(client.request({ verb: 'lock', oid }, signal)).rejects.toThrow(Busy);
    expect(connections()).toBe(2);
  });

  it('connects anew after a connection could not be made', async () => {
    const attempts: string[] = [];
    const client = createAccountsClient({
      connect: async () => {
        attempts.push('attempt');
        throw new Busy('not there');
      },
      log: () => undefined,
    });

    await expect(client.request({ verb: 'observe' }, signal)).rejects.toThrow('not there');
    await expect(client.request({ verb: 'observe' }, signal)).rejects.toThrow('not there');

    expect(attempts).toHaveLength(2);
  });

  it('gives up at the deadline and does not mistake a late answer for another', async () => {
    const { client } = fakeAgent((request) =>
      request.verb === 'lock' ? 'nothing' : { id: request.id, ok: true, result: 'x' },
    );

    await expect(client.request({ verb: 'lock', oid }, signal)).rejects.toThrow(/did not answer lock within 0.2 s/);
    expect(await client.request({ verb: 'observe' }, signal)).toBe('x');
  });

  it('stops waiting when it is told to', async () => {
    const { client } = fakeAgent(() => 'nothing');
    const stop = new AbortController();
    const request = client.request({ verb: 'lock', oid }, stop.signal);

    stop.abort(new Error('enough'));

    await expect(request).rejects.toThrow('enough');
  });

  it('asks once more when the connection is reset, rather than to end with it', async () => {
    const { client, connections } = fakeAgent(({ id }, connection) =>
      connection === 1 ? 'reset' : { id, ok: true, result: 'done' },
    );

    await expect(client.request({ verb: 'lock', oid }, signal)).resolves.toBe('done');
    expect(connections()).toBe(2);
  });

  it('passes the refusal of the agent on', async () => {
    const error = { code: 'refused', message: 'not ours', remedy: 'adopt it' };
    const { client } = fakeAgent(({ id }) => ({ id, ok: false, error }));

    await expect(client.request({ verb: 'lock', oid }, signal)).rejects.toThrow(new Rejected('not ours; adopt it'));
  });

  it('closes its connection and asks nothing more', async () => {
    const { client, closedBy } = fakeAgent(({ id }) => ({ id, ok: true, result: 1 }));
    await client.request({ verb: 'observe' }, signal);

    await client.close();

    expect(closedBy).toEqual(['us']);
    await expect(client.request({ verb: 'observe' }, signal)).rejects.toThrow('closed');
  });
});
