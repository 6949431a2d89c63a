import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkAgent } from '../../../../src/commands/doctor/agent.js';
import { checkDisks, type DiskPorts, hostDisks } from '../../../../src/commands/doctor/disks.js';
import type { AgentLook } from '../../../../src/targets/linux/target.js';
import { provoked, unwell } from './provoked.js';

const never = new AbortController().signal;

describe('the account agent', () => {
  const look = (seen: AgentLook | Error) =>
    checkAgent({ ask: async () => (seen instanceof Error ? Promise.reject(seen) : seen), limitMs: 1_000 }, never);

  it('is fine where it answers and can write', async () => {
    const checks = await look({ ok: true, saw: 'the account agent answers and can write' });

    expect(unwell(checks)).toEqual({});
    expect(checks).toHaveLength(4);
  });

  it('that is not reached is wrong, since it is on this host; the rest is not looked at', async () => {
    const checks = await look({ ok: false, saw: 'no account agent at /run/x', mend: 'start it', blocked: 'reach' });

    expect(provoked('agent.reach', checks).mend).toBe('start it');
    expect(unwell(checks)).toEqual({
      'agent.reach': 'wrong',
      'agent.policy': 'skipped',
      'agent.tools': 'skipped',
      'agent.host': 'skipped',
    });
  });

  it('that never answers is told as such in time', async () => {
    const checks = await checkAgent({ ask: () => new Promise(() => undefined), limitMs: 5 }, never);

    expect(provoked('agent.reach', checks).saw).toBe('no answer within 0.005 s');
  });

  it('without a valid policy, or without its programs, is told by what is missing', async () => {
    const policy = await look({ ok: false, saw: 'uidRange is 5', blocked: 'policy' });
    const tools = await look({ ok: false, saw: '/usr/sbin/visudo: missing', blocked: 'tools' });

    expect(provoked('agent.policy', policy).mend).toContain('entramox config policy');
    expect(provoked('agent.tools', tools).mend).toContain('apt-get install sudo');
    expect(unwell(policy)).toMatchObject({ 'agent.tools': 'skipped', 'agent.host': 'skipped' });
    expect(unwell(tools)).toEqual({ 'agent.tools': 'wrong', 'agent.host': 'skipped' });
  });

  it('on a sick host tells programs and disks apart', async () => {
    const tools = ['/usr/bin/sudo: missing'];
    const troubles = [...tools, '/etc is read-only: make it writable'];

    const checks = await look({ ok: false, saw: 'cannot write', troubles, tools });

    expect(provoked('agent.tools', checks).saw).toBe('/usr/bin/sudo: missing');
    expect(provoked('agent.host', checks).saw).toBe('/etc is read-only: make it writable');
  });
});

describe('the disks', () => {
  const places = { stateDir: '/s', listenerStateDir: '/l', spoolDir: '/q', logDir: '/g' };
  const good: DiskPorts = {
    requireWritable: async () => undefined,
    roomOf: async () => ({ bytes: 1024 ** 3, files: 100_000 }),
    trySync: async () => undefined,
    tryWatch: async () => undefined,
  };
  const on = (bad: string, code: string) => async (path: string) => {
    if (path === bad) throw Object.assign(new Error(`${code}: ${path}`), { code });
  };

  it('are fine where everything is stored durably', async () => {
    expect(unwell(await checkDisks(places, good))).toEqual({});
  });

  it('are wrong where one is read-only, full, without files, or sick', async () => {
    const readOnly = await checkDisks(places, { ...good, requireWritable: on('/s', 'EROFS') });
    const full = await checkDisks(places, {
      ...good,
      roomOf: async (path) => ({ bytes: path === '/q' ? 1024 : 1024 ** 3, files: undefined }),
    });
    const noFiles = await checkDisks(places, {
      ...good,
      roomOf: async (path) => ({ bytes: 1024 ** 3, files: path === '/l' ? 5 : 100_000 }),
    });
    const sick = await checkDisks(places, { ...good, trySync: on('/g', 'EIO') });

    expect(provoked('disk.state', readOnly).mend).toContain('remount');
    expect(provoked('disk.spool', full).mend).toBe('make room: df -h /q');
    expect(provoked('disk.listener-state', noFiles).mend).toBe('remove small files: df -i /l');
    expect(provoked('disk.log', sick).mend).toContain('dmesg');
  });

  it('are wrong where the kernel has no watch left', async () => {
    const checks = await checkDisks(places, { ...good, tryWatch: on('/q', 'EMFILE') });

    expect(provoked('disk.watch', checks).mend).toContain('fs.inotify.max_user_instances');
  });

  it('are tried out without leaving anything behind', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'entramox-disks-'));
    try {
      await hostDisks.requireWritable(dir);
      await hostDisks.trySync(dir);
      await hostDisks.tryWatch(dir);

      expect((await hostDisks.roomOf(dir)).bytes).toBeGreaterThan(0);
      expect(readdirSync(dir)).toEqual([]);
      await expect(hostDisks.requireWritable(join(dir, 'missing'))).rejects.toThrow('ENOENT');
      await expect(hostDisks.trySync(join(dir, 'missing'))).rejects.toThrow('ENOENT');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
