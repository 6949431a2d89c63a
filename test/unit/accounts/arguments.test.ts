import { describe, expect, it } from 'vitest';
import { parseStart, USAGE } from '../../../src/accounts/arguments.js';

const OID = 'aaaaaaaa-1111-4111-8111-111111111111';

describe('the command line of the agent', () => {
  it('serves the socket of systemd unless told otherwise, from the usual places', () => {
    expect(parseStart([])).toEqual({
      mode: { kind: 'systemd' },
      policy: '/etc/entramox/accounts.policy.json',
      state: '/var/lib/entramox-accounts',
      lingerMs: 60_000,
      waitMs: 30_000,
    });
  });

  it('takes its places and its patience from options', () => {
    const start = parseStart(['--socket', '/run/a.sock', '--policy', '/p', '--state', '/s', '--linger', '2m']);

    expect(start).toEqual({
      mode: { kind: 'socket', path: '/run/a.sock' },
      policy: '/p',
      state: '/s',
      lingerMs: 120_000,
      waitMs: 30_000,
    });
  });

  it('adopts only with an identity and a name', () => {
    const adoption = parseStart(['adopt', '--oid', OID.toUpperCase(), '--name', 'alice']);

    expect(adoption.mode).toEqual({ kind: 'adopt', oid: OID, name: 'alice', confirmed: false });
    expect(() => parseStart(['adopt', '--name', 'alice'])).toThrow(/needs --oid/);
    expect(() => parseStart(['adopt', '--oid', OID])).toThrow(/needs --oid and --name/);
    expect(() => parseStart(['adopt', '--oid', 'alice', '--name', 'alice'])).toThrow(/not a GUID/);
  });

  it('gives back and restores by the identity alone', () => {
    const release = parseStart(['release', '--oid', OID, '--yes']);
    const restore = parseStart(['restore', '--oid', OID, '--archive', '/a.tar']);

    expect(release.mode).toEqual({ kind: 'release', oid: OID, confirmed: true });
    expect(restore.mode).toEqual({ kind: 'restore', oid: OID, archive: '/a.tar', confirmed: false });
  });

  it.each([
    ['5ms', 5],
    ['0s', 0],
    ['2s', 2000],
    ['3m', 180_000],
    ['1h', 3_600_000],
    ['999999s', 999_999_000],
  ])('lingers and waits for %s', (text, ms) => {
    expect(parseStart(['--stdio', '--linger', text])).toMatchObject({ mode: { kind: 'stdio' }, lingerMs: ms });
    expect(parseStart(['--wait', text])).toMatchObject({ mode: { kind: 'systemd' }, waitMs: ms });
  });

  it.each([
    [['--linger', '5'], '--linger 5 is not a duration such as 60s'],
    [['--wait', 'x5s'], '--wait x5s is not a duration such as 60s'],
    [['--wait', '5sx'], '--wait 5sx is not a duration such as 60s'],
    [['--wait', '1000000s'], '--wait 1000000s is not a duration such as 60s'],
    [['--stdio', '--socket', 'x'], 'either --stdio or --socket'],
    [['destroy'], 'unknown command destroy'],
    [['adopt', 'release'], 'unknown command adopt release'],
    [['release'], 'release needs --oid'],
    [['restore'], 'restore needs --oid'],
    [['restore', '--oid', 'X'], '--oid X is not a GUID'],
    [['adopt', '--oid', OID], 'adopt needs --oid and --name'],
    [['repair'], "repair needs --ledger, the file of the reconciler's ledger"],
  ])('says of %j what is wrong', (argv, message) => {
    expect(() => parseStart(argv)).toThrow(expect.objectContaining({ code: 'invalid', message }));
  });

  it('says which option nobody knows', () => {
    expect(() => parseStart(['--nonsense'])).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining('--nonsense') }),
    );
  });

  it.each(['adopt', 'release', 'repair', 'restore'])('tells in its usage of %s', (verb) => {
    expect(USAGE).toContain(`accounts.js ${verb} --`);
  });

  it.each([
    [['--linger', '5']],
    [['--linger', '-1s']],
    [['--nonsense']],
    [['destroy']],
    [['--stdio', '--socket', 'x']],
  ])('refuses %j', (argv) => {
    expect(() => parseStart(argv)).toThrow();
  });
});
