import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxUnavailable } from '../integration/sandbox/index.js';
import { type Lab, openLab } from '../lab/lab.js';
import { createPrivateHost } from '../lab/linux-host.js';
import { fetchFrom, standingOf, sweepNow, waitForStanding } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';
import { type Contract, loadContract } from '../simulators/contract.js';
import type { Exchange as GraphExchange } from '../simulators/entra/index.js';
import type { Exchange as ProxmoxExchange } from '../simulators/proxmox/index.js';

const unavailable = sandboxUnavailable();
const graph = loadContract('graph.openapi.json');
const proxmox = loadContract('proxmox-access.openapi.json');
const missing = ' (skipped: the contract documents are not beside this checkout)';
const OPEN = { linux: 'open', pve: 'enabled' } as const;
const LOCKED = { linux: 'locked', pve: 'disabled' } as const;

describe.skipIf(unavailable)(`a whole lifecycle on the wire${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  const toGraph: GraphExchange[] = [];
  const toProxmox: ProxmoxExchange[] = [];
  /** Everything that a person or another program may get to see. */
  const seen = new Map<string, string>();
  const secrets = new Map<string, string>();

  beforeAll(async () => {
    lab = await openLab({
      host: await createPrivateHost({ deleteAfterSeconds: 0 }),
      settings: {
        CONFIRM_BEFORE_LOCK: '200ms',
        CONFIRM_AFTER: '300ms',
        DELETE_AFTER: '1s',
        LOG_LEVEL: 'trace',
        GUARD_MAX_DELETES: '100',
      },
      entra: { onExchange: (exchange) => toGraph.push(exchange) },
      proxmox: { onExchange: (exchange) => toProxmox.push(exchange) },
    });
    await live();
    await collect();
    await stumble();
  });
  afterAll(() => lab?.close());

  /** Joiner, promotion, disable, rename, leavers of all kinds, deletion, comeback, and the life of subscriptions. */
  async function live(): Promise<void> {
    const { directory } = lab.entra;
    lab.start();
    await lab.ready();
    const oid = lab.join('zoe');
    await waitForStanding(lab, 'zoe', OPEN);
    directory.addMember(lab.groups.admins, oid);
    await waitForStanding(lab, 'zoe', { sudo: true, pveGroups: ['Administrator', 'entramox'] });
    directory.updateUser(oid, { accountEnabled: false });
    await waitForStanding(lab, 'zoe', LOCKED);
    directory.updateUser(oid, { accountEnabled: true, userPrincipalName: 'zoe.new@example.com' });
    await waitForStanding(lab, 'zoe', OPEN, { upn: 'zoe.new@example.com' });
    const gone = lab.join('yan');
    const binned = lab.join('xia');
    await waitForStanding(lab, 'yan', OPEN);
    await waitForStanding(lab, 'xia', OPEN);
    directory.hardDeleteUser(gone);
    directory.softDeleteUser(binned);
    await waitForStanding(lab, 'yan', LOCKED);
    await waitForStanding(lab, 'xia', LOCKED);
    await waitFor('the deletion after grace', async () => {
      await sweepNow(lab);
      return standingOf(lab, 'yan').linux === 'none';
    });
    directory.restoreUser(binned);
    await waitForStanding(lab, 'xia', OPEN);
    const [subscription] = lab.entra.subscriptions();
    lab.entra.notifications.sendLifecycle(subscription?.id ?? '', 'reauthorizationRequired');
    await lab.entra.deliveries.idle();
  }

  /** Reads whatever an operator, a log shipper or another user of the machine could read. */
  async function collect(): Promise<void> {
    for (const { requestHeaders } of toGraph) {
      const bearer = requestHeaders.authorization?.replace(/^Bearer /, '');
      if (bearer) secrets.set(`a bearer token of ${bearer.length} characters`, bearer.slice(-40));
    }
    secrets.set('the client secret', lab.entra.clientSecret);
    const token = /sync=([0-9a-f-]{36})/.exec(readFileSync(lab.envFile, 'utf8'))?.[1];
    secrets.set('the secret of the Proxmox token', token ?? '');
    const stored = JSON.parse(readFileSync(join(lab.dir, 'listener/subscriptions.json'), 'utf8'));
    for (const { resource, clientState } of stored.subscriptions) {
      secrets.set(`the client state of ${resource}`, clientState);
    }
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    seen.set('command lines', processes.map(commandLine).join('\n'));
    const socketPath = join(lab.dir, 'run/operator.sock');
    for (const path of ['/metrics', '/status', '/subscriptions', '/readyz']) {
      seen.set(path, (await fetchFrom({ socketPath }, path)).text);
    }
    const commands = [
      ['status'],
      ['status', '--json'],
      ['plan'],
      ['resync', 'zoe.new@example.com'],
      ['subscriptions', 'list'],
      ['subscriptions', 'renew', '--json'],
      ['config', 'show'],
      ['config', 'policy'],
      ['doctor'],
    ];
    for (const command of commands) {
      const { stdout, stderr } = await lab.entramox(...command);
      seen.set(command.join(' '), stdout + stderr);
    }
  }

  /** Errors are where secrets slip out. */
  async function stumble(): Promise<void> {
    lab.proxmox.removeToken('entramox@pve', 'sync');
    lab.entra.credentials.expireSecret();
    lab.entra.credentials.revokeTokens();
    lab.join('whoever');
    const failed = await lab.entramox('sweep', '--json');
    const doctor = await lab.entramox('doctor');
    const resync = await lab.entramox('resync', 'zoe.new@example.com');
    lab.setSettings({ ENTRA_CERT_FILE: '/nowhere', LISTEN_PORT: 'x' });
    const config = await lab.entramox('config', 'check');
    for (const [name, { code, stdout, stderr }] of Object.entries({ failed, doctor, resync, config })) {
      seen.set(`the failing ${name}`, stdout + stderr);
      expect([name, code]).not.toEqual([name, 0]);
    }
    await lab.stopAll();
    seen.set('the log', lab.log());
    seen.set('the audit log', readFileSync(join(lab.dir, 'log/audit.ndjson'), 'utf8'));
    seen.set('the ledger', readFileSync(join(lab.dir, 'state/ledger.json'), 'utf8'));
  }

  it.skipIf(!graph)(
    `asks Graph only for what its description has, and is answered by it${graph ? '' : missing}`,
    () => {
      const contract = graph as Contract;

      const faults = toGraph.flatMap((exchange) => {
        const { method, path, status } = exchange;
        const asked = contract.checkRequest(exchange);
        return [...asked, ...contract.checkResponse(exchange)].map((fault) => `${method} ${path} ${status}: ${fault}`);
      });

      expect([...new Set(toGraph.map(({ method }) => method))].sort()).toEqual(['GET', 'PATCH', 'POST']);
      expect(toGraph.length).toBeGreaterThan(50);
      expect([...new Set(faults)]).toEqual([]);
    },
  );

  it.skipIf(!proxmox)(
    `asks Proxmox VE only for what its schema has, and is answered by it${proxmox ? '' : missing}`,
    () => {
      const contract = proxmox as Contract;

      const faults = toProxmox.flatMap((exchange) => {
        const { method, path, status } = exchange;
        return contract.check(withoutNullTokens(exchange)).map((fault) => `${method} ${path} ${status}: ${fault}`);
      });

      expect([...new Set(toProxmox.map(({ method }) => method))].sort()).toEqual(['GET', 'POST', 'PUT']);
      expect(toProxmox.length).toBeGreaterThan(20);
      expect([...new Set(faults)]).toEqual([]);
    },
  );

  it('lets no secret be seen: not in logs, answers, metrics, errors, the audit, the ledger or a list of processes', () => {
    const leaks = [...secrets].flatMap(([what, secret]) =>
      [...seen].filter(([, text]) => text.includes(secret)).map(([where]) => `${what} in ${where}`),
    );

    expect(secrets.size).toBeGreaterThanOrEqual(6);
    expect([...secrets.values()].every((secret) => secret.length >= 32)).toBe(true);
    expect([...seen].filter(([, text]) => text === '').map(([where]) => where)).toEqual([]);
    expect(leaks).toEqual([]);
  });
});

/** A node was measured to answer null for "no tokens", though its own schema says otherwise. */
function withoutNullTokens(exchange: ProxmoxExchange): ProxmoxExchange {
  if (exchange.responseBody === undefined) return exchange;
  const reviver = (key: string, value: unknown) => (key === 'tokens' && value === null ? undefined : value);
  return { ...exchange, responseBody: JSON.parse(JSON.stringify(exchange.responseBody), reviver) };
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch (error) {
    // Ended between the listing and the look.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
