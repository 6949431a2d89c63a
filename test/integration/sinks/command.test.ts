import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSinks } from '../../../src/targets/proxmox/tokens/sinks/open-sinks.js';
import { storeProved } from '../../../src/targets/proxmox/tokens/sinks/store-proved.js';
import { systemClock as clock } from '../../../src/telemetry/system-clock.js';
import { aToken, createPlace, declared, readSecret } from './place.js';

let place: ReturnType<typeof createPlace>;

beforeEach(() => {
  place = createPlace();
  // Stands for pass and for Bitwarden's bw: keeps what it is given, under the name that it is called with.
  script(
    'keeper',
    `case "$1" in
  insert) printf '%s\\n' "$@" > "${place.in('argv')}"; env > "${place.in('env')}"; pwd >> "${place.in('env')}"; cat > "${place.in('kept')}" ;;
  show) [ -e "${place.in('kept')}" ] || { echo "Error: $2 is not in the password store." >&2; exit 1; }; cat "${place.in('kept')}" ;;
  rm) cat > "${place.in('told')}"; rm -f "${place.in('kept')}" ;;
  locked) echo 'Vault is locked.' >&2; exit 1 ;;
esac`,
  );
});

afterEach(() => place.remove());

function script(name: string, body: string): string {
  writeFileSync(place.in(name), `#!/bin/sh\n${body}\n`, { mode: 0o700 });
  return place.in(name);
}

function open(changes: object = {}) {
  const keeper = place.in('keeper');
  const sink = {
    type: 'command',
    command: [keeper, 'insert', 'proxmox/$(reboot); "x"'],
    read: [keeper, 'show', 'proxmox/terraform'],
    forget: [keeper, 'rm', 'proxmox/terraform'],
    absent_exit_code: 1,
    timeout: '20s',
    ...changes,
  };
  return openSinks({ readSecret, clock }).open(declared(sink));
}

/** undefined takes a key out. */
const without = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]));

describe('a secret that is given to a command', () => {
  it('goes in on standard input, and comes back from the command that reads', async () => {
    const sink = open();

    expect(await sink.read()).toBeUndefined();
    await sink.probe();
    await storeProved(sink, aToken());

    expect(JSON.parse(readFileSync(place.in('kept'), 'utf8'))).toEqual(aToken());
    expect(await open().read()).toEqual(aToken());
  });

  it('is in no argument and no variable, and no shell takes the arguments apart', async () => {
    await storeProved(open({ environment: { PASSWORD_STORE_DIR: '/srv/pass' } }), aToken());

    expect(readFileSync(place.in('argv'), 'utf8')).toBe('insert\nproxmox/$(reboot); "x"\n');
    const env = readFileSync(place.in('env'), 'utf8').split('\n').filter(Boolean);
    expect(env).toContain('PASSWORD_STORE_DIR=/srv/pass');
    expect(env.at(-1)).toBe('/');
    const names = env.slice(0, -1).map((line) => line.split('=')[0]);
    expect(new Set(names)).toEqual(new Set(['PATH', 'HOME', 'LC_ALL', 'PASSWORD_STORE_DIR', 'PWD']));
    expect(env.join('\n')).not.toContain(aToken().value);
  });

  it('that exits with another code than 0 is not stored, in words and without the secret', async () => {
    const command = [script('fails', 'read line; echo "cannot keep $line" >&2; exit 7'), 'x'];

    const failure = await storeProved(open({ command }), aToken()).catch(String);

    expect(failure).toMatch(/fails could not store the secret: it ended with 7 \(cannot keep/);
    expect(failure).not.toContain(aToken().value);
  });

  it('is in no words of a command that reads and repeats a former one, which nobody here knows yet', async () => {
    const read = [script('repeats', `echo '${JSON.stringify(aToken(7))}' >&2; exit 3`)];

    const failure = await open({ read }).read().catch(String);

    expect(failure).toMatch(/repeats could not read it back: it ended with 3 \(.*full-tokenid/);
    expect(failure).not.toContain(aToken(7).value);
  });

  it('that hangs is ended with everything it started, within its time', async () => {
    const command = [script('hangs', `cat > /dev/null; sleep 300 & echo $! > "${place.in('pid')}"; wait`)];

    await expect(storeProved(open({ command, timeout: '2s' }), aToken())).rejects.toThrow(
      /hangs did not end within 2 s and was killed/,
    );

    const pid = Number(readFileSync(place.in('pid'), 'utf8'));
    await expect.poll(() => isAlive(pid), { timeout: 60_000 }).toBe(false);
  });

  it('that leaves a process behind which holds its output is not waited for', async () => {
    const command = [script('leaves', `cat > /dev/null; sleep 300 & echo $! > "${place.in('pid')}"`)];

    await expect(storeProved(open({ command }), aToken())).rejects.toThrow(/left a process behind/);

    const pid = Number(readFileSync(place.in('pid'), 'utf8'));
    await expect.poll(() => isAlive(pid), { timeout: 60_000 }).toBe(false);
  });

  it('that does not give back what it took is not stored', async () => {
    const command = [script('forgetful', 'cat > /dev/null')];

    await expect(storeProved(open({ command }), aToken())).rejects.toThrow(/does not give back what was stored there/);
  });

  it('comes back as it was where the new one is taken back', async () => {
    await storeProved(open(), aToken());

    const putBack = await storeProved(open(), aToken(2));
    await putBack();

    expect(await open().read()).toEqual(aToken());
  });

  it('is believed where no command reads it back, and this is said', async () => {
    const sink = open(without('read', 'absent_exit_code'));

    await storeProved(sink, aToken());

    expect(sink.sealed).toMatch(/declared without a command that reads it back/);
    expect(await sink.read()).toEqual(aToken());
    expect(await open(without('read', 'absent_exit_code')).read()).toBeUndefined();
  });

  it('is told to forget only what it keeps', async () => {
    await storeProved(open(), aToken());

    expect(await open().forget({ fullId: 'terraform-prov@pve!other' })).toBe('none');
    expect(existsSync(place.in('told'))).toBe(false);
    expect(await open(without('forget')).forget({ fullId: aToken()['full-tokenid'] })).toBe('unknown');
    expect(await open().forget({ fullId: aToken()['full-tokenid'] })).toBe('gone');
    expect(JSON.parse(readFileSync(place.in('told'), 'utf8'))).toEqual({ 'full-tokenid': aToken()['full-tokenid'] });
    expect(await open().read()).toBeUndefined();
  });

  it.each<[string, () => object, RegExp]>([
    ['the keeper is locked', () => ({ probe: [place.in('keeper'), 'locked'] }), /be ready: .*Vault is locked/],
    ['a program is missing', () => ({ command: [place.in('nothing')] }), /nothing cannot be used: ENOENT/],
    [
      'others may change a program',
      () => {
        const path = script('open', 'true');
        chmodSync(path, 0o777);
        return { forget: [path] };
      },
      /open is writable by others/,
    ],
  ])('is refused before the token is made where %s', async (_what, changes, why) => {
    await expect(open(changes()).probe()).rejects.toThrow(why);
  });

  it.each<[string, string, RegExp]>([
    ['something else', 'echo root:x:0', /gives back is not JSON/],
    ['too much', 'head -c 900000 /dev/zero', /said more than 262144 bytes/],
    ['an error', 'echo no key >&2; exit 2', /could not read it back: it ended with 2 \(no key\)/],
  ])('is not taken for absent where the command that reads gives %s', async (_what, body, why) => {
    await expect(open({ read: [script('odd', body)] }).read()).rejects.toThrow(why);
  });
});

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
