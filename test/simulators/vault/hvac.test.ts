import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestAuthority } from '../tls.js';
import { startVaultSimulator, type VaultSimulator } from './index.js';
import { runPython } from './python.js';

/** Debian's python3-hvac, a client that knows nothing of us. */
const probe = spawnSync('/usr/bin/python3', ['-c', 'import hvac'], { encoding: 'utf8', timeout: 30_000 });
const unavailable = probe.status === 0 ? undefined : 'needs python3-hvac of Debian';

let vault: VaultSimulator;
let dir: string;

beforeAll(async () => {
  const authority = await createTestAuthority();
  vault = await startVaultSimulator({ authority });
  dir = mkdtempSync(join(tmpdir(), 'entramox-hvac-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
});

afterAll(async () => {
  await vault?.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const SCRIPT = `
import json, sys, hvac
given = json.load(sys.stdin)
client = hvac.Client(url=given['url'], verify=given['ca'], namespace=given['namespace'])
if hasattr(client.auth, 'approle') and hasattr(client.auth.approle, 'login'):
    client.auth.approle.login(role_id=given['role'], secret_id=given['secret'])
else:
    client.auth_approle(given['role'], given['secret'])
kv = client.secrets.kv.v2
told = {'authenticated': client.is_authenticated(), 'sealed': client.sys.is_sealed()}
told['first'] = kv.create_or_update_secret('a/b', secret={'value': 'one'}, cas=0)['data']['version']
try:
    kv.create_or_update_secret('a/b', secret={'value': 'two'}, cas=0)
except hvac.exceptions.InvalidRequest as error:
    told['cas'] = str(error)
told['second'] = kv.create_or_update_secret('a/b', secret={'value': 'two'}, cas=1)['data']['version']
told['read'] = kv.read_secret_version('a/b')['data']['data']
told['old'] = kv.read_secret_version('a/b', version=1)['data']['data']
kv.destroy_secret_versions('a/b', versions=[1])
told['versions'] = {k: v['destroyed'] for k, v in kv.read_secret_metadata('a/b')['data']['versions'].items()}
kv.delete_latest_version_of_secret('a/b')
for name, work in (('deleted', lambda: kv.read_secret_version('a/b')), ('never', lambda: kv.read_secret_version('x'))):
    try:
        work()
    except hvac.exceptions.InvalidPath as error:
        told[name] = 'invalid path'
try:
    kv.create_or_update_secret('forbidden', secret={'value': 'x'})
except hvac.exceptions.Forbidden as error:
    told['forbidden'] = str(error)
client.logout(revoke_token=True)
print(json.dumps(told))
`;

describe.skipIf(unavailable)(`the simulated Vault${unavailable ? ` (${unavailable})` : ''}`, () => {
  it('is one to an independent client: AppRole, namespaces, versions, check-and-set, destruction, refusals', async () => {
    const policy = {
      'secret/*': ['create', 'read', 'update', 'delete'],
      'secret/data/forbidden': ['read'],
    } as const;
    const { roleId, secretId } = vault.logins.addRole({ policy, namespace: 'team' });
    const input = { url: vault.url, ca: join(dir, 'ca.pem'), namespace: 'team', role: roleId, secret: secretId };

    const { code, stdout, stderr } = await runPython(SCRIPT, JSON.stringify(input));

    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout)).toMatchObject({
      authenticated: true,
      sealed: false,
      first: 1,
      cas: expect.stringContaining('check-and-set parameter did not match the current version'),
      second: 2,
      read: { value: 'two' },
      old: { value: 'one' },
      versions: { 1: true, 2: false },
      deleted: 'invalid path',
      never: 'invalid path',
      forbidden: expect.stringContaining('permission denied'),
    });
    expect(vault.logins.openRoleLogins()).toBe(0);
    expect(vault.history('secret', 'a/b')).toBeUndefined();
    expect(vault.history('secret', 'a/b', 'team')?.current).toBe(2);
  });
});
