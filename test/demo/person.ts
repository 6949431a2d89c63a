import type { Lab } from '../lab/lab.js';
import { REALM } from '../lab/lab.js';
import { createClient } from '../simulators/proxmox/test-client.js';
import type { Machine, Shell } from './machine.js';

/** What somebody has open at the moment of a change: whether a lock ends it is part of what the demo watches. */
export interface Presence {
  /** Status of the next request with the open Proxmox session and with the API token. */
  knock(): Promise<{ session: number; token: number }>;
  openShell(): void;
  shell(): Shell | undefined;
}

/** How Proxmox names this person. */
export function proxmoxId(name: string): string {
  return `${name}@example.com@${REALM}`;
}

/** Logs a person in everywhere: a Proxmox session, an API token, and a running program on the Linux machine. */
export function signIn(lab: Lab, machine: Machine, name: string, ca: string): Presence {
  const { url } = lab.proxmox;
  const userid = proxmoxId(name);
  const session = createClient({ url, ca, session: lab.proxmox.session(userid) });
  const token = createClient({ url, ca, token: lab.proxmox.createToken(userid, 'laptop', { privsep: false }) });
  let shell = machine.openShell(name);
  return {
    async knock() {
      const answers = await Promise.all([session('GET', '/version'), token('GET', '/version')]);
      return { session: answers[0].status, token: answers[1].status };
    },
    openShell() {
      shell = machine.openShell(name);
    },
    shell: () => shell,
  };
}
