import { describe, expect, it } from 'vitest';
import { readDeclarations, type TokenDeclaration } from '../../../../../src/targets/proxmox/tokens/declaration.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const ENTRY = {
  name: 'terraform',
  ugid: 'terraform-prov@pve',
  role: 'TerraformProv',
  comment: 'Terraform token',
  expire: 0,
  privsep: 0,
  privileges: ['VM.Audit', 'VM.Clone'],
};

function read(...entries: object[]) {
  return readDeclarations(JSON.stringify({ token_setup: entries }), NOW);
}

function tokenOf(changes: object): TokenDeclaration {
  const declared = read({ ...ENTRY, ...changes });
  if (!declared.ok) throw new Error(declared.problems.join('\n'));
  return declared.tokens[0] as TokenDeclaration;
}

function problemsOf(...entries: object[]): string[] {
  const declared = read(...entries);
  return declared.ok ? [] : declared.problems;
}

describe('a declaration of tokens', () => {
  it('is read as the old workflow wrote it', () => {
    const token = tokenOf({});

    expect(token).toEqual({
      name: 'terraform',
      owner: 'terraform-prov@pve',
      role: 'TerraformProv',
      privileges: ['VM.Audit', 'VM.Clone'],
      comment: 'Terraform token',
      expire: 0,
      privsep: false,
      paths: ['/'],
      propagate: true,
      rotateEveryMs: undefined,
      sink: { kind: 'file', path: '/root/.terraform_token', place: '/root/.terraform_token' },
    });
  });

  it('may say more: paths, an end as a date, how often it is rotated, where its secret goes', () => {
    const token = tokenOf({
      paths: ['/pool/lab', '/vms/100'],
      propagate: 0,
      expire: '2027-01-31',
      rotate_every: '90d',
      sink: { type: 'file', path: '/srv/tokens/terraform' },
    });

    expect(token).toMatchObject({
      paths: ['/pool/lab', '/vms/100'],
      propagate: false,
      expire: Date.parse('2027-01-31T23:59:59Z') / 1000,
      rotateEveryMs: 90 * 86_400_000,
      sink: { path: '/srv/tokens/terraform' },
    });
  });

  it.each([
    ['2027-01-31T12:00:00+01:00', Date.parse('2027-01-31T11:00:00Z') / 1000],
    [1_900_000_000, 1_900_000_000],
  ])('takes %s as an end', (expire, seconds) => {
    expect(tokenOf({ expire }).expire).toBe(seconds);
  });

  it('has privilege separation where nothing is said, as Proxmox has', () => {
    const { privsep, ...rest } = ENTRY;

    const declared = read(rest);

    expect(declared.ok && declared.tokens[0]?.privsep).toBe(true);
    expect(privsep).toBe(0);
  });

  it('tells every mistake at once, each with its place', () => {
    const problems = problemsOf(
      { ...ENTRY, name: '../../etc/passwd', expire: '2027-02-30', privileges: ['VM.Audit', 'rm -rf'] },
      { ...ENTRY, name: 'other', ugid: 'a,b@pve', role: 'PVEAdmin', colour: 'red' },
    );

    expect(problems).toHaveLength(6);
    expect(problems.join('\n')).toMatch(/token_setup\[0\]\.name: expected a token id/);
    expect(problems.join('\n')).toMatch(/token_setup\[0\]\.expire: expected seconds since 1970/);
    expect(problems.join('\n')).toMatch(/token_setup\[0\]\.privileges\[1\]: expected a privilege/);
    expect(problems.join('\n')).toMatch(/token_setup\[1\]\.ugid: must hold none of/);
    expect(problems.join('\n')).toMatch(/token_setup\[1\]: Unrecognized key: "colour"/);
  });

  it.each<[string, object, RegExp]>([
    ['a newline in a name', { name: 'a\nb' }, /name: expected a token id/],
    ['a quote and a semicolon in a name', { name: `a';reboot` }, /name: expected a token id/],
    ['a name of one letter, which Proxmox refuses', { name: 'a' }, /name: expected a token id/],
    ['root as the owner', { ugid: 'root@pam' }, /ugid: root@pam may do everything/],
    ['an owner that is not ASCII', { ugid: 'müller@pve' }, /ugid: expected user@realm/],
    ['a role with a slash', { role: 'a/b' }, /role: expected the name of a role/],
    ['a built-in role with privileges', { role: 'PVEAdmin' }, /privileges: PVEAdmin is a role of Proxmox itself/],
    ['a role of its own without privileges', { privileges: undefined }, /privileges: missing/],
    ['a path that climbs', { paths: ['/pool/..'] }, /paths\[0\]: must not hold/],
    ['a path that Proxmox does not have', { paths: ['/etc'] }, /paths\[0\]: expected a path of Proxmox/],
    ['no path at all', { paths: [] }, /paths: name at least one path/],
    ['an end that is over', { expire: '2026-11-01' }, /expire: 2026-11-01T23:59:59.000Z is over/],
    ['a negative end', { expire: -5 }, /expire: expected seconds/],
    ['a sink that climbs', { sink: { type: 'file', path: '/srv/../etc/shadow' } }, /sink\.path: must not hold/],
    ['a sink that nobody knows', { sink: { type: 'usb', path: '/x' } }, /sink\.type/],
    ['a rotation in minutes', { rotate_every: '5m' }, /rotate_every: expected hours or days/],
  ])('is refused for %s', (_what, changes, expected) => {
    expect(problemsOf({ ...ENTRY, ...changes }).join('\n')).toMatch(expected);
  });

  it.each<[string, object, RegExp]>([
    ['the same token twice', ENTRY, /token terraform-prov@pve!terraform is declared otherwise/],
    ['one role with two contents', { ...ENTRY, name: 'second', privileges: ['VM.Audit'] }, /role TerraformProv/],
    ['one file for two secrets', { ...ENTRY, ugid: 'other@pve' }, /place where secrets go/],
  ])('is refused for %s', (_what, second, expected) => {
    expect(problemsOf(ENTRY, second).join('\n')).toMatch(expected);
  });

  it('is refused where a rotation would one day need the name of another declaration, and else is not', () => {
    const second = { ...ENTRY, name: 'terraform-3', sink: { type: 'file', path: '/root/.x' } };

    const problems = problemsOf({ ...ENTRY, rotate_every: '90d' }, second);

    expect(problems).toEqual([expect.stringMatching(/^token_setup\[1\]\.name: terraform-3 .*rotation of terraform /)]);
    expect(problemsOf(ENTRY, second)).toEqual([]);
    expect(problemsOf({ ...ENTRY, rotate_every: '90d' }, { ...second, ugid: 'other@pve' })).toEqual([]);
  });

  it.each(['', '[]', '{"token_setup":{}}', '{"tokens":[]}', '{"token_setup":[', 'null'])(
    'is refused in words where the file is %j',
    (text) => {
      const declared = readDeclarations(text, NOW);

      expect(declared.ok ? [] : declared.problems).not.toEqual([]);
    },
  );
});
