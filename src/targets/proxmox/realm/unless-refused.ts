import { ProxmoxError } from '../proxmox-error.js';

/** What a call gives; undefined where PVE refuses it for want of a privilege. Every other error is thrown on. */
export async function unlessRefused<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProxmoxError && error.kind === 'permission') return undefined;
    throw error;
  }
}
