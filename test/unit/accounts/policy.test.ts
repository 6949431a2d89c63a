import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_POLICY, loadPolicy, parsePolicy } from '../../../src/accounts/policy.js';
import { accountsPolicy } from '../../../src/config/policy.js';
import type { Settings } from '../../../src/config/settings.js';

describe('the text of a policy', () => {
  it('may leave out everything but the version', () => {
    expect(parsePolicy('{"version":1}', 'p.json')).toEqual(DEFAULT_POLICY);
  });

  it('names every wrong field at once', () => {
    const text = JSON.stringify({
      version: 2,
      uidRange: [0, 10],
      shell: 'bash',
      sudo: { enabled: 'yes' },
      surprise: 1,
    });

    expect(() => parsePolicy(text, 'p.json')).toThrow(
      /version is 2.*uidRange is \[0,10\].*shell is "bash".*sudo is.*surprise is unknown/,
    );
  });

  it.each([
    ['a system uid', { uidRange: [999, 2000] }],
    ['a range that ends before it begins', { uidRange: [30000, 20000] }],
    ['a uid of systemd-homed', { uidRange: [20000, 60513] }],
    ['a range across both spans', { uidRange: [50_000, 1_900_000_000] }],
    ['a pin for somebody without an object id', { uids: { alice: 30_000 } }],
    ['a pin of a system uid', { uids: { '11111111-1111-4111-8111-111111111111': 0 } }],
    [
      'one number pinned twice',
      { uids: { '11111111-1111-4111-8111-111111111111': 30_000, '22222222-2222-4222-8222-222222222222': 30_000 } },
    ],
    ['a path with dots', { homeBase: '/home/../etc' }],
    ['a group that is text for sudoers', { allowedGroups: ['ALL'] }],
    ['a loss of something that is no group', { endSessionsOnLossOf: ['ALL'] }],
    ['a fraction of a second', { deleteAfterSeconds: 0.5 }],
    ['a sudo rule of its own', { sudo: { enabled: true, nopasswd: true, rule: 'ALL' } }],
  ])('refuses %s', (_, fields) => {
    expect(() => parsePolicy(JSON.stringify({ version: 1, ...fields }), 'p.json')).toThrow(/expected/);
  });

  const OID = '11111111-1111-4111-8111-111111111111';
  const COUNT = 'a whole number from 0';
  const PATH = 'an absolute path';
  const UIDS = 'a uid for each of some object ids in lower case, no number twice';
  const RANGE = 'two whole numbers from 1000 to 60000, or from 1879048192 to 2147352575, e.g. [20000, 59999]';
  const GROUPS = 'a list of group names, e.g. ["adm"]';
  const SUDO = '{"enabled": true or false, "nopasswd": true or false}';

  it.each<[string, unknown, string]>([
    ['version', '1', '1'],
    ['uidRange', '20000-59999', RANGE],
    ['uidRange', [20_000], RANGE],
    ['uidRange', [20_000, 30_000, 40_000], RANGE],
    ['uidRange', ['20000', 30_000], RANGE],
    ['uidRange', [999, 30_000], RANGE],
    ['uidRange', [20_000, 60_001], RANGE],
    ['uidRange', [20_000, 20_000.5], RANGE],
    ['uidRange', [1_879_048_191, 1_900_000_000], RANGE],
    ['uidRange', [1_900_000_000, 2_147_352_576], RANGE],
    ['shell', 7, `${PATH}, e.g. "/bin/bash"`],
    ['shell', ['/bin/bash'], `${PATH}, e.g. "/bin/bash"`],
    ['shell', 'x'.repeat(100), `${PATH}, e.g. "/bin/bash"`],
    ['allowedGroups', [['adm']], GROUPS],
    ['shell', 'bin/bash', `${PATH}, e.g. "/bin/bash"`],
    ['shell', '/bin/bash -l', `${PATH}, e.g. "/bin/bash"`],
    ['shell', '/', `${PATH}, e.g. "/bin/bash"`],
    ['homeBase', '/home/', `${PATH}, e.g. "/home"`],
    ['homeBase', '/home/..', `${PATH}, e.g. "/home"`],
    ['homeBase', '/./home', `${PATH}, e.g. "/home"`],
    ['homeBase', 'x/home', `${PATH}, e.g. "/home"`],
    ['allowedGroups', 'adm', GROUPS],
    ['allowedGroups', [7], GROUPS],
    ['allowedGroups', ['adm', 'Adm'], GROUPS],
    ['allowedGroups', ['x'.repeat(33)], GROUPS],
    ['allowedGroups', ['adm '], GROUPS],
    ['allowedGroups', [' adm'], GROUPS],
    ['allowedGroups', ['1adm'], GROUPS],
    ['endSessionsOnLossOf', ['%adm'], 'a list of group names, e.g. ["sudo", "docker"]'],
    ['sudo', true, SUDO],
    ['sudo', null, SUDO],
    ['sudo', { enabled: true }, SUDO],
    ['sudo', { nopasswd: true }, SUDO],
    ['sudo', { enabled: 1, nopasswd: true }, SUDO],
    ['sudo', { enabled: true, nopasswd: 1 }, SUDO],
    ['sudo', { enabled: true, nopasswd: true, rule: 'ALL' }, SUDO],
    ['deleteAfterSeconds', -1, 'seconds, e.g. 86400'],
    ['deleteAfterSeconds', 315_360_001, 'seconds, e.g. 86400'],
    ['deleteAfterSeconds', '60', 'seconds, e.g. 86400'],
    ['locksPerHour', 0, 'a whole number from 1'],
    ['locksPerHour', 1_000_001, 'a whole number from 1'],
    ['deletesPerHour', -1, COUNT],
    ['deletesPerHour', 1_000_001, COUNT],
    ['archiveDir', 'archive', PATH],
    ['archiveHomes', 'yes', 'true or false'],
    ['reservedNames', ['a b'], 'a list of names'],
    ['reservedNames', ['a:b'], 'a list of names'],
    ['reservedNames', [''], 'a list of names'],
    ['reservedNames', ['x'.repeat(65)], 'a list of names'],
    ['uids', [], UIDS],
    ['uids', null, UIDS],
    ['uids', 7, UIDS],
    ['uids', { alice: 30_000 }, UIDS],
    ['uids', { [OID]: 999 }, UIDS],
    ['uids', { [OID]: '30000' }, UIDS],
    ['uids', { [OID]: 60_001 }, UIDS],
  ])('may not hold %s as %j', (key, value, expected) => {
    expect(() => parsePolicy(JSON.stringify({ version: 1, [key]: value }), 'p.json')).toThrow(
      expect.objectContaining({
        code: 'failed',
        message: `p.json: ${key} is ${JSON.stringify(value).slice(0, 80)}, expected ${expected}`,
        remedy: 'correct p.json as root',
      }),
    );
  });

  it.each<[string, unknown]>([
    ['uidRange', [1000, 60_000]],
    ['uidRange', [20_000, 20_000]],
    ['uidRange', [1_879_048_192, 2_147_352_575]],
    ['shell', '/usr/bin/z-sh_5.9'],
    ['homeBase', '/srv/home/.people/..x'],
    ['allowedGroups', []],
    ['allowedGroups', ['_x', 'a-b', 'x'.repeat(32)]],
    ['endSessionsOnLossOf', []],
    ['sudo', { enabled: true, nopasswd: false }],
    ['deleteAfterSeconds', 0],
    ['deleteAfterSeconds', 315_360_000],
    ['locksPerHour', 1],
    ['locksPerHour', 1_000_000],
    ['deletesPerHour', 0],
    ['deletesPerHour', 1_000_000],
    ['archiveDir', '/a'],
    ['archiveHomes', false],
    ['reservedNames', ['The.Boss', 'x'.repeat(64), 'y']],
    ['uids', {}],
    ['uids', { [OID]: 1000, '22222222-2222-4222-8222-222222222222': 60_000 }],
    ['uids', { [OID]: 1_879_048_192 }],
  ])('may hold %s as %j', (key, value) => {
    expect(parsePolicy(JSON.stringify({ version: 1, [key]: value }), 'p.json')).toEqual({
      ...DEFAULT_POLICY,
      [key]: value,
    });
  });

  it('must say which version it is, and knows no other field', () => {
    const known = Object.keys(DEFAULT_POLICY).join(', ');

    expect(() => parsePolicy('{"toString":1}', 'p.json')).toThrow(
      `p.json: toString is unknown (known: ${known}); version is missing, expected 1`,
    );
  });

  it('has defaults that a cautious administrator would choose', () => {
    const { endSessionsOnLossOf: _, ...rest } = DEFAULT_POLICY;

    expect(rest).toEqual({
      version: 1,
      uidRange: [20_000, 59_999],
      shell: '/bin/bash',
      homeBase: '/home',
      allowedGroups: [],
      sudo: { enabled: false, nopasswd: false },
      deleteAfterSeconds: 86_400,
      locksPerHour: 200,
      deletesPerHour: 50,
      archiveDir: '/var/lib/entramox-accounts/archive',
      archiveHomes: true,
      reservedNames: [],
      uids: {},
    });
    expect(parsePolicy(JSON.stringify(DEFAULT_POLICY), 'p.json')).toEqual(DEFAULT_POLICY);
  });

  it.each([
    ['{', /^p\.json is not JSON: ./],
    ['[]', /^p\.json must hold one JSON object$/],
    ['null', /^p\.json must hold one JSON object$/],
    ['7', /^p\.json must hold one JSON object$/],
  ])('is refused in words where it is %s', (text, words) => {
    expect(() => parsePolicy(text, 'p.json')).toThrow(
      expect.objectContaining({ code: 'failed', message: expect.stringMatching(words) }),
    );
  });

  it('takes the far span, and uids that root pinned', () => {
    const uids = { '11111111-1111-4111-8111-111111111111': 1_950_000_000 };

    const policy = parsePolicy(JSON.stringify({ version: 1, uidRange: [1_900_000_000, 2_099_999_999], uids }), 'p');

    expect(policy).toMatchObject({ uidRange: [1_900_000_000, 2_099_999_999], uids });
  });

  it.each(['', '[]', 'null', '{', '"x"'])('refuses %j', (text) => {
    expect(() => parsePolicy(text, 'p.json')).toThrow(/p\.json/);
  });
});

describe('the policy file', () => {
  let directory: string;
  let file: string;
  const me = process.getuid?.() ?? 0;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'policy-'));
    file = join(directory, 'policy.json');
    writeFileSync(file, '{"version":1}', { mode: 0o600 });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is read when it belongs to its owner alone', () => {
    expect(loadPolicy(file, me).version).toBe(1);
  });

  it.each([0o620, 0o602, 0o666])('is refused with mode %o', (mode) => {
    chmodSync(file, mode);

    expect(() => loadPolicy(file, me)).toThrow(/others could write it/);
  });

  it('is refused when it belongs to somebody else', () => {
    expect(() => loadPolicy(file, me + 1)).toThrow(/belongs to uid/);
  });

  it('is refused with the command that mends it', () => {
    chmodSync(file, 0o646);

    expect(() => loadPolicy(file, me)).toThrow(
      expect.objectContaining({
        code: 'failed',
        message: `the policy file ${file} belongs to uid ${me} with mode 646: others could write it`,
        remedy: `chown root:root ${file} && chmod 0600 ${file}`,
        blocked: 'policy',
      }),
    );
  });

  it("is root's unless told otherwise", () => {
    const read = () => loadPolicy(file);

    if (me === 0) expect(read().version).toBe(1);
    else expect(read).toThrow(/belongs to uid/);
  });

  it('is refused when it is no file, or not there', () => {
    expect(() => loadPolicy(directory, me)).toThrow(
      expect.objectContaining({ code: 'failed', message: `the policy file ${directory} is not a regular file` }),
    );
    expect(() => loadPolicy(join(directory, 'none'), me)).toThrow(
      expect.objectContaining({
        code: 'failed',
        message: expect.stringMatching(/^the policy file .*none cannot be read: ENOENT/),
        remedy: `create ${join(directory, 'none')} as root`,
      }),
    );
  });

  it('is refused when it is a link', () => {
    symlinkSync(file, join(directory, 'link'));

    expect(() => loadPolicy(join(directory, 'link'), me)).toThrow(/cannot be read/);
  });
});

describe('the groups whose loss ends sessions', () => {
  it('are, unless root says otherwise, those that give power over the host', () => {
    const groups = ['sudo', 'adm', 'disk', 'docker', 'kvm', 'lxd', 'libvirt', 'shadow', 'systemd-journal', 'wheel'];

    expect(DEFAULT_POLICY.endSessionsOnLossOf).toEqual(expect.arrayContaining(groups));
    expect(DEFAULT_POLICY.endSessionsOnLossOf).not.toEqual(expect.arrayContaining(['games']));
  });

  it('are printed as they are by `config policy`', () => {
    const settings = {
      linux: { extraGroups: [], uidRange: [20000, 59999], grantSudo: true },
      roles: { map: [] },
      lifecycle: { deleteAfterMs: 0 },
    } as unknown as Settings;

    expect(accountsPolicy(settings).endSessionsOnLossOf).toEqual(DEFAULT_POLICY.endSessionsOnLossOf);
  });
});
