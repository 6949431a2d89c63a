import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { AccountsClient } from '../../../src/targets/linux/accounts-client.js';
import type { ExecResult } from '../sandbox/collect.js';
import type { Machine } from './index.js';

/** Somebody with an account that the agent made, a password that they know and a key. */
export interface Person {
  oid: string;
  name: string;
  uid: number;
  password: string;
}

const KEY = '/root/key';
const signal = new AbortController().signal;

/** What everybody needs who logs in over the loopback: one key for all, and a program that says a password. */
export async function prepareLogins(machine: Machine): Promise<void> {
  await machine.shell(`ssh-keygen -q -t ed25519 -N '' -f ${KEY}
    printf '#!/bin/sh\\necho "$PASSWORD"\\n' > /root/askpass && chmod 755 /root/askpass`);
}

/** Lets the agent make the account, and gives it a password that is not expired and the key. */
export async function addPerson(machine: Machine, client: AccountsClient, name: string): Promise<Person> {
  const oid = randomUUID();
  const { uid } = (await client.request({ verb: 'create', oid, name, gecos: name }, signal)) as { uid: number };
  const password = `pw-${randomUUID()}`;
  await machine.shell(
    `echo ${name}:${password} | chpasswd
     install -d -o ${name} -g ${name} -m 700 /home/${name}/.ssh
     install -o ${name} -g ${name} -m 600 ${KEY}.pub /home/${name}/.ssh/authorized_keys`,
  );
  return { oid, name, uid, password };
}

/** The words of a shell line by which the person logs in over SSH, to be followed by a command. */
export function ssh({ name }: Person, ...options: string[]): string {
  const quiet = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'ConnectTimeout=10'];
  const shared = quiet.map((option) => `-o ${option}`).join(' ');
  return `ssh ${shared} ${options.join(' ')} -i ${KEY} ${name}@127.0.0.1`;
}

/** The words of a shell line that run a command with the ids of the person, without asking anybody (no PAM). */
export function as({ uid }: Person): string {
  return `setpriv --reuid=${uid} --regid=${uid} --init-groups`;
}

/** A login over SSH that stays open: one shell, which takes line after line. */
export interface OpenLogin {
  /** Runs a line in it. Rejects when the login has ended, or ends meanwhile. */
  say(line: string): Promise<Pick<ExecResult, 'code' | 'stdout'>>;
  /** Whether it has ended, by whomever. */
  hasEnded(): boolean;
  close(): Promise<void>;
}

/** Logs in with the key. */
export function openLogin(machine: Machine, person: Person): OpenLogin {
  const [program = '', ...args] = machine.command(['/bin/bash', '-c', `exec ${ssh(person)} bash -s`]);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let hasEnded = false;
  const ended = once(child, 'close').then(() => {
    hasEnded = true;
  });
  // Writing to a login that is gone shows as the missing answer.
  let lastWords = '';
  child.stdin.on('error', (error) => {
    lastWords = error.message;
  });
  return {
    hasEnded: () => hasEnded,
    async say(line) {
      child.stdin.write(`{ ${line}\n} </dev/null 2>&1; echo "END-OF-LINE $?"\n`);
      const said: string[] = [];
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the login of ${person.name} has ended ${lastWords}`);
        const code = /^(.*)END-OF-LINE (\d+)$/.exec(value);
        if (code) return { code: Number(code[2]), stdout: [...said, ...(code[1] ? [code[1]] : [])].join('\n') };
        said.push(value);
      }
    },
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
