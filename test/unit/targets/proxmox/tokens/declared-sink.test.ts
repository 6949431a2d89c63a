import { describe, expect, it } from 'vitest';
import { readDeclarations } from '../../../../../src/targets/proxmox/tokens/declaration.js';
import type { DeclaredSink } from '../../../../../src/targets/proxmox/tokens/declared-sink.js';

const RECIPIENT = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj';
const ENTRY = { name: 'terraform', ugid: 'terraform-prov@pve', role: 'PVEAuditor', expire: 0 };
const VAULT = { type: 'vault', address: 'https://vault.example.com:8200', token_file: '/root/.vault-token' };

function read(...sinks: unknown[]) {
  const token_setup = sinks.map((sink, index) => ({ ...ENTRY, ...(index > 0 && { name: `other${index}` }), sink }));
  return readDeclarations(JSON.stringify({ token_setup }), 0);
}

function sinkOf(sink: unknown): DeclaredSink | undefined {
  const declared = read(sink);
  if (!declared.ok) throw new Error(declared.problems.join('\n'));
  return declared.tokens[0]?.sink;
}

function problemsOf(...sinks: unknown[]): string {
  const declared = read(...sinks);
  return declared.ok ? '' : declared.problems.join('\n');
}

describe('the sink of a declaration', () => {
  it.each<[string, unknown, object]>([
    ['nothing', undefined, { kind: 'file', path: '/root/.terraform_token', place: '/root/.terraform_token' }],
    ['"file"', 'file', { kind: 'file', path: '/root/.terraform_token' }],
    ['a file without a path', { type: 'file' }, { kind: 'file', path: '/root/.terraform_token' }],
    [
      'systemd-creds',
      { type: 'systemd-creds' },
      { path: '/root/.terraform_token.cred', name: 'terraform', withKey: 'auto' },
    ],
    [
      'age',
      { type: 'age', recipients: [RECIPIENT] },
      { path: '/root/.terraform_token.age', recipients: [RECIPIENT], identityFile: undefined },
    ],
    [
      'a Vault with a token',
      VAULT,
      { mount: 'secret', path: 'entramox/terraform', login: { kind: 'token' }, destroyOld: false },
    ],
    [
      'a Vault with an AppRole, behind a path',
      {
        ...{ type: 'vault', address: 'https://vault.example.com/vault/v1/', namespace: 'team/ops' },
        ...{ role_id: 'abc', secret_id_file: '/root/.secret-id', destroy_old: true },
      },
      {
        address: 'https://vault.example.com/vault',
        login: { kind: 'approle', mount: 'approle', roleId: 'abc', secretIdFile: '/root/.secret-id' },
        place: 'secret/entramox/terraform at https://vault.example.com/vault in the namespace team/ops',
        destroyOld: true,
      },
    ],
    [
      'a command',
      { type: 'command', command: ['/usr/bin/pass', 'insert', '-m', 'proxmox/terraform'], timeout: '2m' },
      { place: 'what /usr/bin/pass insert -m proxmox/terraform keeps', timeoutMs: 120_000, environment: {} },
    ],
  ])('may be %s', (_what, sink, expected) => {
    expect(sinkOf(sink)).toMatchObject(expected);
  });

  it('may be several, all of which have to take the secret', () => {
    const sink = sinkOf(['file', VAULT]);

    expect(sink).toMatchObject({ kind: 'several', sinks: [{ kind: 'file' }, { kind: 'vault' }] });
    expect(sink?.place).toMatch(/^\/root\/\.terraform_token, secret\/entramox\/terraform at https:/);
  });

  it('tells every mistake of every place at once', () => {
    const problems = problemsOf([
      { type: 'age', recipients: ['age1nonsense', 'ssh-ed25519 AAAA'], path: 'relative' },
      { type: 'vault', address: 'http://vault.example.com', mount: '../sys', token: 'hvs.x' },
      { type: 'command', command: ['pass'], environment: { LD_PRELOAD: '/x', BW_SESSION: 'y' }, timeout: '1h' },
    ]);

    expect(problems.split('\n')).toEqual([
      expect.stringMatching(/sink\[0\]\.path: expected the absolute path/),
      expect.stringMatching(/sink\[0\]\.recipients\[0\]: expected a recipient of age/),
      expect.stringMatching(/sink\[0\]\.recipients\[1\]: .*keys of SSH are not taken/),
      expect.stringMatching(/sink\[1\]\.address: would send secrets in clear/),
      expect.stringMatching(/sink\[1\]\.mount: must not hold/),
      expect.stringMatching(/sink\[1\]: Unrecognized key: "token"/),
      expect.stringMatching(/sink\[2\]\.command\[0\]: expected the absolute path of a program/),
      expect.stringMatching(/sink\[2\]\.environment\.LD_PRELOAD: may change which code runs/),
      expect.stringMatching(/sink\[2\]\.environment\.BW_SESSION: no secret belongs here/),
      expect.stringMatching(/sink\[2\]\.timeout: expected seconds or minutes/),
    ]);
  });

  it.each<[string, unknown, RegExp]>([
    ['a number', 7, /sink: expected "file", or an object/],
    ['another word', 'vault', /sink: expected "file", or an object/],
    ['an empty list', [], /sink: name at least one place/],
    ['a list in a list', [['file']], /sink\[0\]: expected "file", or an object/],
    ['a type that nobody knows', { type: 'usb' }, /sink\.type: expected one of file, credential, systemd-creds, age/],
    ['age for nobody', { type: 'age' }, /sink\.recipients: name at least one recipient/],
    ['a Vault without a login', { ...VAULT, token_file: undefined }, /sink\.token_file: missing/],
    ['a Vault with two logins', { ...VAULT, role_id: 'x', secret_id_file: '/x' }, /sink\.token_file: leave it out/],
    ['half an AppRole', { ...VAULT, token_file: undefined, role_id: 'x' }, /sink\.secret_id_file: missing/],
    ['a Vault with a password', { ...VAULT, address: 'https://a:b@vault' }, /may carry neither user, password/],
    ['a path of a Vault that climbs', { ...VAULT, path: 'a/../b' }, /sink\.path: must not hold/],
    ['a namespace with a line break', { ...VAULT, namespace: 'a\nx-evil: 1' }, /sink\.namespace: expected names/],
    ['a name that is no credential', { type: 'systemd-creds', name: '../x' }, /sink\.name: expected the name/],
    ['an unknown key', { type: 'systemd-creds', with_key: 'cloud' }, /sink\.with_key: expected one of auto/],
    ['a command in one text', { type: 'command', command: 'pass insert x' }, /sink\.command: expected a list/],
    ['a line break in an argument', { type: 'command', command: ['/bin/x', 'a\nb'] }, /no control characters/],
    [
      'an exit code about nothing',
      { type: 'command', command: ['/bin/x'], absent_exit_code: 1 },
      /sink\.absent_exit_code: says something about "read"/,
    ],
  ])('is refused in words where it is %s', (_what, sink, why) => {
    expect(problemsOf(sink)).toMatch(why);
  });

  it.each<[string, unknown, unknown]>([
    ['the same file, wrapped or not', { type: 'file', path: '/srv/t' }, { type: 'systemd-creds', path: '/srv/t' }],
    ['the same path of a Vault', { ...VAULT, path: 'x' }, ['file', { ...VAULT, path: 'x' }]],
    ['the same command', { type: 'command', command: ['/bin/x'] }, { type: 'command', command: ['/bin/x'] }],
  ])('is no place for two tokens: %s', (_what, first, second) => {
    expect(problemsOf(first, second)).toMatch(/token_setup\[1\]: the place where secrets go .* declared otherwise/);
  });

  it('is no place twice for one token', () => {
    expect(
      problemsOf([
        { type: 'file', path: '/srv/t' },
        { type: 'age', path: '/srv/t', recipients: [RECIPIENT] },
      ]),
    ).toMatch(/the place where secrets go \(\/srv\/t\) is declared otherwise/);
  });

  it('on a loopback may be a Vault without TLS, such as an agent of this machine', () => {
    expect(sinkOf({ ...VAULT, address: 'http://127.0.0.1:8200' })).toMatchObject({ address: 'http://127.0.0.1:8200' });
  });
});
