import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examineForRelease } from '../../../src/accounts/release.js';
import { ALICE, createHost, type Host, LOCK, made, SHUT } from './host.js';

let host: Host;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.remove());

const alice = { name: 'alice', uid: 20_001 };
const examine = () => examineForRelease({ ledger: host.ledger, paths: host.paths, now: 99 }, ALICE);
const becomes = `becomes  nobody's: it is not locked, changed or deleted any more, whatever happens in Entra; name and uid stay kept for ${ALICE}`;

describe('an account that root wants back', () => {
  it('is shown with all that it keeps', () => {
    const rule = host.write('sudoers/entramox-20001', '');
    host.ledger.put(made({ lock: LOCK, archive: null }));
    host.people([{ ...alice, ...SHUT, home: '/home/alice' }], { lab: [300, 'alice'], docker: [301, 'alice'] });

    expect(examine()).toEqual({
      entry: made({ state: 'released', releasedAt: 99, lock: LOCK }),
      lines: [
        'account  alice, uid 20001',
        'home     /home/alice',
        'groups   docker lab: it stays in them',
        `sudo     ${rule} stays as it is; nobody renders or revokes it any more, to end it: rm ${rule}`,
        "lock     our lock stays on it; to open it by hand: usermod -U -e '' alice",
        becomes,
      ],
    });
  });

  it('is shown without what it has not', () => {
    host.ledger.put(made());
    host.people([alice]);

    expect(examine().lines).toEqual([
      'account  alice, uid 20001',
      'home     /home/alice',
      'groups   none: it stays in them',
      'sudo     no rule of ours',
      becomes,
    ]);
  });

  it('may be gone by now, or its lock be only half done', () => {
    const { since: _, ...begun } = LOCK;
    host.ledger.put(made({ lock: begun }));
    host.people([]);

    const { lines } = examine();

    expect(lines.slice(0, 2)).toEqual(['account  alice, uid 20001 (gone from /etc/passwd)', 'home     none']);
    expect(lines[4]).toMatch(/^lock {5}our lock stays on it/);
  });

  it('was given back before', () => {
    host.ledger.put(made({ state: 'released' }));

    expect(examine()).toEqual({ entry: undefined, lines: ['alice was given back before'] });
  });

  it('is refused where there is none of that identity, or none any more', () => {
    expect(examine).toThrow(
      expect.objectContaining({ code: 'refused', message: `no account of ours belongs to ${ALICE}` }),
    );
    host.ledger.put(made({ state: 'deleted' }));
    expect(examine).toThrow(expect.objectContaining({ code: 'refused', message: 'the account alice was deleted' }));
  });

  it.each([
    ['creating', 'alice is only half made'],
    ['deleting', 'alice is being deleted'],
  ] as const)('is refused while it is %s', (state, message) => {
    host.ledger.put(made({ state }));

    expect(examine).toThrow(
      expect.objectContaining({ code: 'refused', message, remedy: 'wait until the next reconcile has finished it' }),
    );
  });
});
