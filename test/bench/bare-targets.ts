import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import { type Lab, REALM } from '../lab/lab.js';
import type { LinuxHost } from '../lab/linux-host.js';
import { labFile, settingOf } from './lab-facts.js';

/** The bare tools in a private root, started one by one by a shell that lives inside. */
export interface BareHost {
  create(name: string, uid: number): Promise<void>;
  lock(name: string): Promise<void>;
  close(): Promise<void>;
}

/** The bare calls over one kept connection. Comments as long as ours, without our mark: nobody is to take them for ours. */
export interface BareProxmox {
  create(userid: string, oid: string): Promise<void>;
  disable(userid: string, oid: string): Promise<void>;
  close(): Promise<void>;
}

const SHELL = `
while read -r verb name uid password; do
  case $verb in
    create)
      groupadd -g "$uid" "$name" &&
      useradd -M -d "/home/$name" -s /bin/bash -u "$uid" -g "$uid" -c "$name Example" \\
        -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "$name" &&
      echo "$name:$password" | chpasswd &&
      chage -d 0 "$name" ;;
    lock) usermod -L -e 1 "$name" ;;
  esac
  echo $?
done`;

/** Opens the shell. Each verb resolves when its tools have ended, and throws when one failed. */
export function bareHost(host: LinuxHost): BareHost {
  if (!host.sandbox) throw new Error('the bare tools run in a private root only');
  const [program = '', ...args] = host.sandbox.command(['/bin/sh', '-c', SHELL]);
  const shell = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const order = async (line: string): Promise<void> => {
    shell.stdin.write(`${line}\n`);
    const { value } = await lines.next();
    if (value !== '0') throw new Error(`bare "${line.split(' ', 2).join(' ')}" ended with ${value}`);
  };
  return {
    create: (name, uid) => order(`create ${name} ${uid} ${randomBytes(24).toString('base64url')}`),
    lock: (name) => order(`lock ${name}`),
    async close() {
      shell.stdin.end();
      if (shell.exitCode === null) await once(shell, 'exit');
    },
  };
}

/** Opens the connection; the first call pays for its handshake. */
export function bareProxmox(lab: Lab): BareProxmox {
  const dispatcher = new Agent({ connect: { ca: labFile(lab, 'ca.pem') }, connections: 1 });
  const headers = {
    authorization: `PVEAPIToken=${settingOf(lab, 'PVE_API_TOKEN')}`,
    'content-type': 'application/json',
  };
  const send = async (method: 'POST' | 'PUT', path: string, body: object): Promise<void> => {
    const url = `${lab.proxmox.url}/api2/json/access/users${path}`;
    const answer = await request(url, { method, dispatcher, headers, body: JSON.stringify(body) });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`bare ${method} ${path}: ${answer.statusCode} ${text}`);
  };
  return {
    create: (userid, oid) =>
      send('POST', '', {
        userid,
        enable: 1,
        comment: `Bare loop: active; oid:${oid}`,
        firstname: 'Example',
        lastname: 'Example',
        email: 'example@example.com',
        groups: `entramox-${REALM},PVEAuditor-${REALM}`,
      }),
    disable: (userid, oid) =>
      send('PUT', `/${encodeURIComponent(userid)}`, {
        enable: 0,
        comment: `Bare loop: suspended, disabled in Entra; oid:${oid}`,
        groups: `entramox-${REALM}`,
      }),
    close: () => dispatcher.close(),
  };
}
