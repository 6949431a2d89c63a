import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conflict, Rejected, SourceUnavailable } from '../../../src/domain/errors.js';
import { answerError, createHealthApp } from '../../../src/operator/base-app.js';
import { createOperatorClient, DaemonUnreachable } from '../../../src/operator/client.js';
import { closeServer, serveOnSocket } from '../../../src/operator/socket.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entramox-socket-'));
  path = join(dir, 'operator.sock');
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the operator socket', () => {
  it('is for its owner and group alone, and replaces what a crash left behind', async () => {
    writeFileSync(path, 'left behind');

    const server = await serveOnSocket((_request, response) => void response.end('{}'), { path });

    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await createOperatorClient(path).call('GET', '/')).status).toBe(200);
    await closeServer(server, 100);
  });

  it('is not taken from a daemon that answers on it', async () => {
    const server = await serveOnSocket((_request, response) => void response.end('{}'), { path });

    await expect(serveOnSocket(() => undefined, { path })).rejects.toThrow(/another process already answers/);

    expect((await createOperatorClient(path).call('GET', '/')).status).toBe(200);
    await closeServer(server, 100);
  });

  it('says in words that nobody answers', async () => {
    await expect(createOperatorClient(path).call('GET', '/status')).rejects.toThrow(DaemonUnreachable);
    await expect(createOperatorClient(path).call('GET', '/status')).rejects.toThrow(/is the reconciler running/);
    await expect(createOperatorClient(path, { daemon: 'listener' }).call('GET', '/subscriptions')).rejects.toThrow(
      /is the listener running/,
    );
  });

  it('hands on the lines of a stream as they come', async () => {
    const server = await serveOnSocket(
      (_request, response) => {
        response.write('{"step":1}\n');
        response.end('{"step":2}\n');
      },
      { path },
    );
    const seen: unknown[] = [];

    const answer = await createOperatorClient(path).stream('/resync', {}, (line) => seen.push(line));

    expect(seen).toEqual([{ step: 1 }, { step: 2 }]);
    expect(answer).toEqual({ status: 200, body: { step: 2 } });
    await closeServer(server, 100);
  });
});

describe('health', () => {
  async function ask(unready: { condition: string; detail: string }[], route: string) {
    const app = createHealthApp({ metrics: createMetrics(), unready: () => Promise.resolve(unready) });
    const server = await serveOnSocket(app, { path });
    const lines: string[] = [];
    try {
      const answer = await createOperatorClient(path).call('GET', route);
      return answer;
    } catch (error) {
      lines.push(String(error));
      return { status: 0, body: lines };
    } finally {
      await closeServer(server, 100);
    }
  }

  it('is ready where no condition fails, and says which one does', async () => {
    expect(await ask([], '/readyz')).toEqual({ status: 200, body: { ok: true, unready: [] } });
    const unready = [{ condition: 'held', detail: 'plan x' }];
    expect(await ask(unready, '/readyz')).toEqual({ status: 503, body: { ok: false, unready } });
    expect(await ask(unready, '/healthz')).toEqual({ status: 200, body: { ok: true } });
  });
});

describe('errors', () => {
  it('are told with their text and remedy, never with a stack', async () => {
    const app = express();
    const failures: Record<string, Error> = {
      '/wrong': new Rejected('no such person'),
      '/away': new SourceUnavailable('Graph is away'),
      '/conflict': new Conflict('two owners', 'choose one'),
      '/bug': new TypeError('x is undefined'),
    };
    app.get('/:what', (request) => {
      throw failures[`/${request.params.what}`];
    });
    app.use(answerError);
    const server = await serveOnSocket(app, { path });
    const client = createOperatorClient(path);

    const answers = [
      await client.call('GET', '/wrong'),
      await client.call('GET', '/conflict'),
      await client.call('GET', '/away'),
      await client.call('GET', '/bug'),
    ];

    expect(answers).toEqual([
      { status: 422, body: { error: 'no such person' } },
      { status: 409, body: { error: 'two owners', remedy: 'choose one' } },
      { status: 503, body: { error: 'Graph is away' } },
      { status: 500, body: { error: 'x is undefined' } },
    ]);
    await closeServer(server, 100);
  });
});
