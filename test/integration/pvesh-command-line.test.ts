import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pveshArguments } from '../../src/targets/proxmox/transport/pvesh-arguments.js';

const PERL = '/usr/bin/perl';

/** Parses each line's arguments as PVE::JSONSchema does: a text, a list, a flag, and what is left over. All in hex. */
const PARSER = `use strict; use Getopt::Long (); Getopt::Long::Configure('prefix_pattern=(--|-)');
  while (my $line = <STDIN>) {
    chomp $line;
    my ($o, @a) = ({}, map { pack('H*', substr($_, 1)) } split(' ', $line));
    Getopt::Long::GetOptionsFromArray(\\@a, $o, 'comment=s', 'groups=s@', 'enable:s', 'output-format=s') or exit 1;
    print join(' ', map { 'x' . unpack('H*', $_) } $o->{comment}, join(',', @{$o->{groups}}), $o->{enable}, @a), "\\n";
  }`;

const toHex = (texts: readonly string[]) => texts.map((text) => `x${Buffer.from(text).toString('hex')}`).join(' ');
const fromHex = (line: string) => line.split(' ').map((part) => Buffer.from(part.slice(1), 'hex').toString('utf8'));

describe.skipIf(!existsSync(PERL))(
  `the command line of pvesh${existsSync(PERL) ? '' : ` (skipped: no ${PERL})`}`,
  () => {
    it('is parsed by Getopt::Long to the values that were given, whatever they look like', () => {
      const parts = ['-', '--', '=', ' ', 'enable', "'", '"', '$(', ';', '\n', 'é', '\\', ',', '@', 'comment', '0'];
      const text = fc.array(fc.constantFrom(...parts), { maxLength: 5 }).map((some) => some.join(''));
      const values = fc.sample(fc.tuple(text, text, fc.constantFrom('0', '1')), 500);
      const lines = values.map(([comment, groups, enable]) =>
        toHex(pveshArguments({ method: 'POST', route: '/access/users', body: { comment, groups, enable } })),
      );

      const { stdout, stderr, status } = spawnSync(PERL, ['-e', PARSER], { input: `${lines.join('\n')}\n` });

      expect([status, String(stderr)]).toEqual([0, '']);
      const parsed = String(stdout).trimEnd().split('\n').map(fromHex);
      expect(parsed).toEqual(values.map((given) => [...given, 'create', '/access/users']));
    });
  },
);
