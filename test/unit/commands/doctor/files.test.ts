import { describe, expect, it } from 'vitest';
import { checkFiles, type Place, type Standing } from '../../../../src/commands/doctor/files.js';
import { checkIntegrity } from '../../../../src/commands/doctor/integrity.js';
import { provoked, unwell } from './provoked.js';

const IDS: Record<string, number> = {
  root: 0,
  entramox: 990,
  'entramox-listener': 991,
  adm: 4,
  'entramox-operators': 992,
};

function place(name: Place['name'], change: Partial<Place> = {}): Place {
  return { name, path: `/place/of/${name}`, user: 'entramox', group: 'entramox', mode: 0o750, never: 0o002, ...change };
}

function look(one: Place, standing: Standing, installed = true) {
  return checkFiles({
    places: [one],
    installed,
    stand: async () => standing,
    idOf: (_kind, name) => IDS[name],
  });
}

describe('the check of files', () => {
  it('is fine where owner and mode are those of the package', async () => {
    expect(unwell(await look(place('files.state'), { uid: 990, gid: 990, mode: 0o750 }))).toEqual({});
  });

  it('names the command for a wrong owner, a wrong mode, and a place that is missing', async () => {
    const owner = provoked('files.state', await look(place('files.state'), { uid: 0, gid: 0, mode: 0o750 }));
    const mode = provoked('files.log', await look(place('files.log'), { uid: 990, gid: 990, mode: 0o755 }));
    const missing = provoked('files.run', await look(place('files.run'), 'missing'));

    expect(owner.mend).toBe('chown entramox:entramox /place/of/files.state');
    expect(mode.mend).toBe('chmod 0750 /place/of/files.log');
    expect(missing.mend).toMatch(/^systemd-tmpfiles --create entramox\.conf/);
  });

  it('is wrong wherever this runs, where others may write or read what they must not', async () => {
    const open = (mode: number) => ({ uid: 5, gid: 5, mode });

    const spool = await look(place('files.spool'), open(0o777), false);
    const configuration = await look(place('files.configuration'), open(0o646), false);
    const credentials = await look(place('files.credentials', { never: 0o077 }), open(0o644), false);
    const policy = await look(place('files.policy', { never: 0o022 }), open(0o660), false);
    const records = await look(place('files.listener-state', { never: 0o077 }), open(0o604), false);
    const socket = await look(place('files.sockets', { never: 0o007 }), open(0o666), false);

    expect(provoked('files.spool', spool).mend).toBe('chmod 0775 /place/of/files.spool');
    expect(provoked('files.configuration', configuration).mend).toBe('chmod 0644 /place/of/files.configuration');
    expect(provoked('files.credentials', credentials).mend).toBe('chmod 0600 /place/of/files.credentials');
    expect(provoked('files.policy', policy).mend).toBe('chmod 0640 /place/of/files.policy');
    expect(provoked('files.listener-state', records).mend).toBe('chmod 0600 /place/of/files.listener-state');
    expect(provoked('files.sockets', socket).mend).toBe('chmod 0660 /place/of/files.sockets');
  });

  it('outside of an installation asks for no owner, and for nothing that is made only when it is needed', async () => {
    const foreign = await look(place('files.state'), { uid: 1000, gid: 1000, mode: 0o755 }, false);
    const absent = await look(place('files.sockets', { optional: true }), 'missing');

    expect([unwell(foreign), unwell(absent)]).toEqual([{}, {}]);
  });

  it('says so where it may not look, and where the users of the package are not there', async () => {
    const hidden = await look(place('files.state'), 'hidden');
    const nobody = await look(place('files.state', { user: 'nobody-here' }), { uid: 1, gid: 1, mode: 0o750 });

    expect(provoked('files.state', hidden, 'skipped').saw).toMatch(/^not looked at: /);
    expect(provoked('files.state', nobody).mend).toBe('systemd-sysusers entramox.conf');
  });
});

describe('the check of integrity', () => {
  const view = { enforced: true, distrusted: [], changed: [] };
  const bad = {
    path: '/usr/lib/entramox',
    why: 'others may write /usr/lib/entramox',
    mend: 'chmod go-w /usr/lib/entramox',
  };

  it('is fine where only root can change anything', () => {
    expect(unwell(checkIntegrity(view))).toEqual({});
  });

  it('is wrong where it is enforced and somebody else can', () => {
    expect(provoked('files.integrity', checkIntegrity({ ...view, distrusted: [bad] })).mend).toBe(bad.mend);
  });

  it('is a remark where it is not enforced', () => {
    const checks = checkIntegrity({ ...view, enforced: false, why: 'INTEGRITY=report', distrusted: [bad] });

    expect(provoked('files.integrity', checks, 'remark').saw).toContain('INTEGRITY=report');
  });

  it('is wrong for what changed since it was sealed', () => {
    const checks = checkIntegrity({ ...view, changed: ['/etc/entramox/entramox.env'] });

    expect(provoked('files.integrity', checks).mend).toContain('entramox integrity seal');
  });
});
