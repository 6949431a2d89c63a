import { describe, expect, it } from 'vitest';
import { parseStart } from '../../../src/accounts/arguments.js';

describe('the command line of the agent', () => {
  it('serves the socket of systemd unless told otherwise, from the usual places', () => {
    expect(parseStart([])).toEqual({
      mode: { kind: 'systemd' },
      policy: '/etc/entramox/accounts.policy.json',
      state: '/var/lib/entramox-accounts',
      lingerMs: 60_000,
    });
  });

  it('takes its places and its patience from options', () => {
    const start = parseStart(['--socket', '/run/a.sock', '--policy', '/p', '--state', '/s', '--linger', '2m']);

    expect(start).toEqual({
      mode: { kind: 'socket', path: '/run/a.sock' },
      policy: '/p',
      state: '/s',
      lingerMs: 120_000,
    });
  });

  it('adopts only with an identity and a name', () => {
    const adoption = parseStart(['adopt', '--oid', 'AB', '--name', 'alice']);

    expect(adoption.mode).toEqual({ kind: 'adopt', oid: 'ab', name: 'alice', confirmed: false });
    expect(() => parseStart(['adopt', '--name', 'alice'])).toThrow(/needs --oid/);
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
