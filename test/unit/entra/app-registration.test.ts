import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WantedRegistration } from '../../../src/entra/app-registration.js';
import { appRoleId } from '../../../src/entra/app-registration.js';
import { applyRegistration, type RegistrationPorts } from '../../../src/entra/app-registration-apply.js';
import type { ObservedRegistration } from '../../../src/entra/app-registration-observe.js';
import { planRegistration } from '../../../src/entra/app-registration-plan.js';
import type { RegistrationPlanOptions } from '../../../src/entra/app-registration-plan-options.js';
import { type Application, application } from '../../../src/entra/app-registration-schema.js';
import { azCommand, type RegistrationStep } from '../../../src/entra/app-registration-steps.js';
import { GraphError } from '../../../src/entra/graph-errors.js';

const GROUP = '11111111-2222-4333-8444-555555555555';
const NOTHING: ObservedRegistration = {
  app: undefined,
  marked: [],
  namesakes: [],
  principal: undefined,
  assignments: [],
};
const signal = new AbortController().signal;

const wanted = (change: Partial<WantedRegistration> = {}): WantedRegistration => ({
  realm: 'entra',
  displayName: 'Proxmox VE (entra)',
  clientId: undefined,
  redirectUris: ['https://pve1.example.com:8006'],
  optionalClaims: ['upn'],
  groupsClaim: 'none',
  roles: [],
  groupIds: [GROUP],
  ...change,
});

const app = (change: object = {}): Application =>
  application.parse({
    id: 'object-id',
    appId: 'client-id',
    displayName: 'Proxmox VE (entra)',
    signInAudience: 'AzureADMyOrg',
    tags: ['entramox:realm:entra'],
    web: { redirectUris: ['https://pve1.example.com:8006/'] },
    optionalClaims: { idToken: [{ name: 'upn' }] },
    ...change,
  });

const plan = (change: Partial<RegistrationPlanOptions> = {}) =>
  planRegistration({
    wanted: wanted(),
    observed: NOTHING,
    adopt: false,
    newSecretForMs: undefined,
    ownClientId: undefined,
    now: 0,
    ...change,
  });

describe('the plan of a registration', () => {
  it('has nothing to do where an origin is registered with a slash behind it', () => {
    const principal = { id: 'sp', appRoleAssignmentRequired: true, tags: [] };
    const assignments = [{ id: 'a', principalId: GROUP, appRoleId: '00000000-0000-0000-0000-000000000000' }];

    const { steps, conflicts } = plan({
      observed: { ...NOTHING, app: app(), marked: [app()], principal, assignments },
    });

    expect({ steps, conflicts }).toEqual({ steps: [], conflicts: [] });
  });

  it('stands back from two applications with our mark, and from one that does not exist', () => {
    const two = plan({ observed: { ...NOTHING, app: app(), marked: [app(), app({ id: 'other' })] } });
    const none = plan({ wanted: wanted({ clientId: 'gone' }) });

    expect(two).toMatchObject({
      steps: [],
      conflicts: [{ why: expect.stringMatching(/^2 applications carry our mark/) }],
    });
    expect(none).toMatchObject({
      steps: [],
      conflicts: [{ why: expect.stringMatching(/no application with the client id/) }],
    });
  });

  describe('of an application that people log in with already', () => {
    const open = { id: 'sp', appRoleAssignmentRequired: false, tags: [] };
    const there = (change: object = {}) => ({ ...NOTHING, app: app(change), marked: [app(change)], principal: open });

    it('requires an assignment after the assignments alone, and never where nobody would have one', () => {
      const some = plan({ observed: there() });
      const nobody = plan({ observed: there(), wanted: wanted({ groupIds: [] }) });

      expect(some.steps.map((step) => step.do)).toEqual(['assignment.add', 'principal.change']);
      expect(nobody).toMatchObject({
        steps: [],
        conflicts: [{ why: expect.stringMatching(/would be locked out/), remedy: expect.stringMatching(/--group/) }],
      });
    });

    it('keeps the addresses and the groups in the token that nobody declared, unless that is asked for', () => {
      const byHand = {
        web: { redirectUris: ['https://pve1.example.com:8006', 'https://pve7.example.com:8006'] },
        groupMembershipClaims: 'SecurityGroup',
        signInAudience: 'AzureADMultipleOrgs',
      };
      const bodyOf = (prune: boolean) => {
        const { steps, remarks } = plan({
          observed: there(byHand),
          prune,
          wanted: wanted({ redirectUris: ['https://pve2.example.com:8006', 'https://pve1.example.com:8006'] }),
        });
        const body = steps.flatMap((step) => (step.do === 'app.change' ? [step.body] : []))[0];
        return { uris: body?.web?.redirectUris, groups: body?.groupMembershipClaims, remarks };
      };

      const kept = bodyOf(false);
      const pruned = bodyOf(true);

      expect(kept.uris).toContain('https://pve7.example.com:8006');
      expect(kept.groups).toBeUndefined();
      expect(kept.remarks.join('\n')).toMatch(/stay: https:\/\/pve7.*\n.*SecurityGroup/);
      expect(pruned.uris).toEqual(['https://pve2.example.com:8006', 'https://pve1.example.com:8006']);
      expect(pruned.groups).toBeNull();
    });

    it('assigns a role that somebody made by hand by the id that it has', () => {
      const appRoles = [{ id: 'by-hand', value: 'admins', isEnabled: true }];
      const roles = [{ value: 'admins', groupIds: [GROUP] }];

      const { steps } = plan({ observed: there({ appRoles }), wanted: wanted({ groupsClaim: 'roles', roles }) });

      expect(steps.find((step) => step.do === 'assignment.add')).toMatchObject({ appRoleId: 'by-hand' });
    });
  });

  it('tells every mistake at once, before anything is written', () => {
    const { conflicts } = plan({
      wanted: wanted({
        displayName: 'two\nlines',
        redirectUris: [],
        groupsClaim: 'roles',
        roles: [
          { value: 'has space', groupIds: [] },
          { value: 'twice', groupIds: [] },
          { value: 'twice', groupIds: [] },
        ],
      }),
    });

    expect(conflicts.map(({ why }) => why)).toEqual([
      expect.stringMatching(/display name/),
      expect.stringMatching(/REALM_ORIGINS/),
      expect.stringMatching(/^"has space"/),
      'the role twice is there twice',
    ]);
  });

  it('removes our own secrets alone, and none where the one to keep is missing', () => {
    const secret = (keyId: string, hint: string, displayName: string | null) => ({
      keyId,
      hint,
      displayName,
      endDateTime: '2027-01-01T00:00:00Z',
    });
    const passwordCredentials = [
      secret('1', 'aaa', 'entramox realm entra'),
      secret('2', 'bbb', 'entramox realm entra'),
      secret('3', 'ccc', 'by hand'),
    ];
    const observed = { ...NOTHING, app: app({ passwordCredentials }), marked: [app()] };

    const keeping = (keepSecretHint: string) =>
      plan({ observed, keepSecretHint }).steps.flatMap((step) => (step.do === 'secret.remove' ? [step.keyId] : []));

    expect(keeping('bbb')).toEqual(['1']);
    expect(keeping('ccc')).toEqual([]);
    expect(keeping('')).toEqual([]);
  });

  it('names a role by realm and value, so that a second run finds its own', () => {
    expect(appRoleId('entra', 'admins')).toBe(appRoleId('entra', 'admins'));
    expect(appRoleId('entra', 'admins')).not.toBe(appRoleId('other', 'admins'));
    expect(appRoleId('entra', 'admins')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});

describe('the remarks of a plan', () => {
  const secret = (hint: string, endDateTime: string, displayName = 'entramox realm entra') => ({
    keyId: `key of ${hint}`,
    hint,
    displayName,
    endDateTime,
  });
  const passwordCredentials = [
    secret('aaa', '2027-01-01T00:00:00Z'),
    secret('bbb', '2027-01-02T00:00:00Z'),
    secret('ccc', '1969-01-01T00:00:00Z'),
    secret('ddd', '2027-01-01T00:00:00Z', 'by hand'),
  ];
  const observed = { ...NOTHING, app: app({ passwordCredentials }), marked: [app()] };
  const lost = (heldHints?: string[]) =>
    plan({ observed, heldHints }).remarks.filter((text) => text.includes('lies in no file here'));

  it('name a valid secret of ours that nobody has stored, as a run leaves it that dies in between', () => {
    expect(lost(['aaa'])).toEqual([expect.stringMatching(/^the client secret bbb… is valid until 2027-01-02 /)]);
    expect(lost(['aaa', 'bbb'])).toEqual([]);
    expect(lost(undefined)).toEqual([]);
  });

  it('say that a tag alone proves little, unless the application is named', () => {
    const byTag = plan({ observed });
    const byName = plan({ observed, wanted: wanted({ clientId: 'client-id' }) });

    expect(byTag.remarks).toContainEqual(expect.stringMatching(/client-id is taken for ours by its tag/));
    expect(byName.remarks.join()).not.toMatch(/by its tag/);
  });
});

describe('the command of the Azure CLI', () => {
  it('reaches the shell as the words that were meant, whatever the name of the application is', () => {
    const [step] = plan({ wanted: wanted({ displayName: `it's $(reboot) "now"; \`x\`` }) }).steps;
    if (!step) throw new Error('no step');

    const command = azCommand(step, {}, 'https://graph.microsoft.com/v1.0');
    const words = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`])
      .toString()
      .trimEnd()
      .split('\n');

    expect(words.slice(0, 6)).toEqual([
      'az',
      'rest',
      '--method',
      'POST',
      '--url',
      'https://graph.microsoft.com/v1.0/applications',
    ]);
    expect(JSON.parse(words.at(-1) ?? '')).toMatchObject({ displayName: `it's $(reboot) "now"; \`x\`` });
  });
});

describe('the command that makes a client secret', () => {
  it('puts it into a file of its owner alone, and onto no terminal', () => {
    const command = azCommand(SECRET, { app: 'object-id' }, 'https://graph.microsoft.com/v1.0');

    expect(command).toMatch(/^\(umask 077 && az rest .*addPassword .* --query secretText --output tsv > [\w-]+\)$/);
  });
});

interface World {
  ports: RegistrationPorts;
  calls: { path: string; body: unknown }[];
  slept: number[];
  stored: string[];
}

function world(answer: (path: string, count: number) => unknown, store?: () => Promise<void>): World {
  const made: World = { calls: [], slept: [], stored: [], ports: undefined as never };
  const call = async (path: string, body: unknown, schema: { parse(value: unknown): unknown }) => {
    made.calls.push({ path, body });
    return schema.parse(answer(path, made.calls.filter((one) => one.path === path).length));
  };
  made.ports = {
    graph: { post: call, patch: call } as unknown as RegistrationPorts['graph'],
    clock: { now: () => 0, sleep: async (ms) => void made.slept.push(ms) },
    sink: { probe: async () => undefined, store: store ?? (async (secret) => void made.stored.push(secret)) },
    around: (_, work) => work(),
  };
  return made;
}

const refusal = (status: number, message: string) =>
  new GraphError(`Graph refused with ${status}`, status, 'Request_BadRequest', message, undefined);

const SECRET: RegistrationStep = { do: 'secret.add', name: 'entramox realm entra', endsAt: '2027-01-01T00:00:00Z' };

describe('the application of a plan', () => {
  it('waits until a new application is known everywhere, and goes on with what was made', async () => {
    const { steps } = plan();
    const made = world((path, count) => {
      if (path === '/applications') return { id: 'new-app', appId: 'new-client' };
      if (path !== '/servicePrincipals') return {};
      if (count < 3) throw refusal(400, 'The appId does not reference a valid application object.');
      return { id: 'new-principal' };
    });

    const { results, ids } = await applyRegistration(steps, {}, made.ports, signal);

    expect(results.every(({ result }) => result === 'done')).toBe(true);
    expect(ids).toEqual({ app: 'new-app', clientId: 'new-client', principal: 'new-principal' });
    expect(made.slept).toEqual([5_000, 5_000]);
    expect(made.calls.at(-1)).toMatchObject({
      path: '/servicePrincipals/new-principal/appRoleAssignedTo',
      body: { principalId: GROUP, resourceId: 'new-principal' },
    });
  });

  it('requires no assignment where one could not be made', async () => {
    const open = { id: 'sp', appRoleAssignmentRequired: false, tags: [] };
    const { steps } = plan({ observed: { ...NOTHING, app: app(), marked: [app()], principal: open } });
    const made = world((path) => {
      if (path.endsWith('appRoleAssignedTo')) throw refusal(403, 'Insufficient privileges.');
      return {};
    });

    const { results } = await applyRegistration(steps, { principal: 'sp' }, made.ports, signal);

    expect(results.map(({ step, result }) => [step.do, result])).toEqual([
      ['assignment.add', 'forbidden'],
      ['principal.change', 'left'],
    ]);
  });

  it('leaves what stands on a step that failed', async () => {
    const { steps } = plan();
    const made = world(() => {
      throw refusal(400, 'Something is wrong.');
    });

    const { results } = await applyRegistration(steps, {}, made.ports, signal);

    expect(results.map(({ result }) => result)).toEqual(['failed', 'left', 'left']);
    expect(made.calls).toHaveLength(1);
  });

  it('takes a secret away again that cannot be stored, and never repeats it', async () => {
    const made = world(
      (path) => (path.endsWith('addPassword') ? { keyId: 'new-key', secretText: 'very-secret-text' } : undefined),
      async () => {
        throw new Error('the disk is full');
      },
    );

    const { results } = await applyRegistration([SECRET], { app: 'app' }, made.ports, signal);

    expect(results).toMatchObject([{ result: 'failed', error: 'the disk is full; the new secret was removed again' }]);
    expect(made.calls.at(-1)).toEqual({ path: '/applications/app/removePassword', body: { keyId: 'new-key' } });
    expect(JSON.stringify(results)).not.toContain('very-secret-text');
  });

  it('says which secret is left where it cannot be taken away again', async () => {
    const made = world(
      (path) => {
        if (path.endsWith('addPassword')) return { keyId: 'new-key', secretText: 'very-secret-text' };
        throw refusal(500, 'down');
      },
      async () => {
        throw new Error('the disk is full');
      },
    );

    const { results } = await applyRegistration([SECRET], { app: 'app' }, made.ports, signal);

    expect(results).toMatchObject([{ error: expect.stringMatching(/\(key id new-key\) could not be removed again/) }]);
  });

  it('asks for no secret where there is no place for it', async () => {
    const made = world(() => ({ keyId: 'new-key', secretText: 'very-secret-text' }));
    made.ports.sink.probe = async () => {
      throw new Error('no place');
    };

    const { results } = await applyRegistration([SECRET], { app: 'app' }, made.ports, signal);

    expect(results).toMatchObject([{ result: 'failed', error: 'no place' }]);
    expect(made.calls).toEqual([]);
  });

  it('stores whatever Graph gave, unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), async (secretText) => {
        const made = world(() => ({ keyId: 'new-key', secretText }));

        await applyRegistration([SECRET], { app: 'app' }, made.ports, signal);

        expect(made.stored).toEqual([secretText]);
      }),
      { numRuns: 30 },
    );
  });
});
