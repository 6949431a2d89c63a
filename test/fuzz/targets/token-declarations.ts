import fc from 'fast-check';
import { readDeclarations } from '../../../src/targets/proxmox/tokens/declaration.js';
import { type DeclaredSink, placesOf } from '../../../src/targets/proxmox/tokens/declared-sink.js';
import { edit, mutate } from '../mutate.js';
import { checkOf, type FuzzTarget, must } from '../target.js';

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
const TRUTH = {
  token_setup: [
    ENTRY,
    {
      ...ENTRY,
      name: 'ansible',
      role: 'AnsibleProv',
      expire: '2027-11-22',
      paths: ['/pool/lab'],
      propagate: 1,
      rotate_every: '90d',
      sink: { type: 'file', path: '/root/.ansible' },
    },
    {
      ...ENTRY,
      name: 'several',
      sink: [
        { type: 'systemd-creds', path: '/root/several.cred', with_key: 'host' },
        { type: 'age', recipients: ['age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj'] },
        { type: 'vault', address: 'https://vault.example.com:8200', path: 'pve/several', token_file: '/root/.vault' },
        { type: 'command', command: ['/usr/bin/pass', 'insert', '-m', 'pve/several'], environment: { LANG: 'C' } },
      ],
    },
  ],
};

const text = fc.oneof(
  { weight: 6, arbitrary: fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => mutate(TRUTH, edits).text) },
  { weight: 1, arbitrary: fc.string({ maxLength: 400 }) },
  { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
);

function filesIn(sink: DeclaredSink): string[] {
  return placesOf(sink)
    .flatMap((place) => {
      if (place.kind === 'vault')
        return [place.caFile, place.login.kind === 'token' ? place.login.tokenFile : undefined];
      if (place.kind === 'command') return Object.values(place.commands).map(([program]) => program);
      return [place.path];
    })
    .filter((path) => path !== undefined);
}

const NAME = /^[A-Za-z0-9._-]+$/;

/** `token_setup.json`, which root gives to `entramox token`. */
export const tokenDeclarations: FuzzTarget = {
  name: 'token-declarations',
  holds: 'is refused in words, or holds nothing that climbs, breaks a line or means everybody',
  runs: 400,
  async open() {
    const check = checkOf(text, async (input) => {
      const read = readDeclarations(input, NOW);
      if (!read.ok) {
        must(read.problems.length > 0 && read.problems.every(Boolean), 'a refusal without words', read);
        return;
      }
      for (const { name, owner, role, paths, privileges = [], sink, expire } of read.tokens) {
        must(NAME.test(name) && NAME.test(role), 'an odd name', name, role);
        must(/^[\x21-\x7e]+@[A-Za-z0-9._-]+$/.test(owner) && owner !== 'root@pam', 'an odd owner', owner);
        must(
          [...paths, ...filesIn(sink)].every((path) => path.startsWith('/') && !path.split('/').includes('..')),
          'a path',
          paths,
        );
        must(
          placesOf(sink).every(({ place }) => !/\p{Cc}/u.test(place)),
          'a place that breaks a line',
          sink,
        );
        must(
          privileges.every((privilege) => /^[A-Za-z.]+$/.test(privilege)),
          'an odd privilege',
          privileges,
        );
        must(expire === 0 || expire * 1000 > NOW, 'an end that is over', expire);
      }
    });
    return { check, close: async () => undefined };
  },
};
