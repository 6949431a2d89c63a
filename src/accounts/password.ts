import { randomBytes } from 'node:crypto';
import { mustRun, type Run } from './exec.js';

/**
 * Gives the account a random password that is told to nobody and must be changed at the first login. By stdin,
 * because the arguments of a process are public.
 */
export async function setRandomPassword(run: Run, name: string): Promise<void> {
  await mustRun(run, 'chpasswd', [], { input: `${name}:${randomBytes(24).toString('base64url')}\n` });
  await mustRun(run, 'chage', ['-d', '0', name]);
}
