import { describe, expect, it } from 'vitest';
import { byRoot } from '../../../src/commands/parts/by-root.js';
import { rootVerb } from '../../../src/commands/parts/root-verb.js';
import { shellQuote } from '../../../src/commands/parts/shell-quote.js';
import type { Settings } from '../../../src/config/settings.js';

const OID = '11111111-1111-4111-8111-111111111111';

function settings(accountsCommand?: readonly string[]): Pick<Settings, 'linux'> {
  return { linux: { accountsCommand } as Settings['linux'] };
}

function recorder() {
  const said = { out: [] as string[], err: [] as string[] };
  const io = {
    out: (text: string) => said.out.push(text),
    err: (text: string) => said.err.push(text),
    terminal: false,
  };
  return { said, io };
}

describe('a command that only root may give', () => {
  it('is told to anybody else word for word, and nothing is started', async () => {
    const { said, io } = recorder();

    const outcome = await byRoot(settings(), ['adopt', '--oid', OID, '--name', 'alice'], true, { io, isRoot: false });

    expect(outcome).toBe('left');
    expect(said).toEqual({
      out: [],
      err: [`left to do, as root on the host of the account: entramox accounts adopt --oid ${OID} --name alice --yes`],
    });
  });

  it('is only shown where nothing is to be done yet', async () => {
    const { said, io } = recorder();

    const outcome = await byRoot(settings(), ['release', '--oid', OID], false, { io, isRoot: true });

    expect(outcome).toBe('left');
    expect(said.out[0]).toContain(`entramox accounts release --oid ${OID} --yes`);
  });

  it.each([
    ['done', 0, 'done', []],
    ['failed', 1, 'failed', ['it went wrong', expect.stringContaining('left to do')]],
  ])('is given through ACCOUNTS_COMMAND in place of --stdio, and is %s with code %i', async (_, code, outcome, err) => {
    const { said, io } = recorder();
    const script = `echo "$@"; ${code === 0 ? '' : 'echo "it went wrong" >&2;'} exit ${code}`;

    const result = await byRoot(
      settings(['/bin/sh', '-c', script, 'agent', '--state', '/s', '--stdio']),
      ['release', '--oid', OID],
      true,
      { io, isRoot: true },
    );

    expect(result).toBe(outcome);
    expect(said).toEqual({ out: [`--state /s release --oid ${OID} --yes`], err });
  });

  it('cannot be given through an ACCOUNTS_COMMAND that says nothing of stdio', () => {
    expect(() => rootVerb(settings(['/usr/bin/agent']), ['release'])).toThrow('--stdio');
  });
});

describe('a word for a shell', () => {
  it.each([
    ['plain', 'plain'],
    ['/a/b-c_d.e:f', '/a/b-c_d.e:f'],
    ['two words', "'two words'"],
    ["o'neil", `'o'\\''neil'`],
    ['$(reboot)', "'$(reboot)'"],
    ['', "''"],
  ])('is %j as %j', (word, quoted) => {
    expect(shellQuote(word)).toBe(quoted);
  });
});
