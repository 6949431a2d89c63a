import { userInfo } from 'node:os';
import { type Environment, processEnvironment } from '../../config/environment.js';

/**
 * Who runs this command, for the audit log: `alice`, or `root (sudo: alice)`. A claim and no proof: whoever may connect
 * to the operator socket may send anything.
 */
export function claimedUser(environment: Environment = processEnvironment(), user = currentUser()): string {
  const invoker = environment.SUDO_USER;
  const text = invoker && invoker !== user ? `${user} (sudo: ${invoker})` : user;
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 128);
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch (error) {
    // A container may run as a uid that no account has.
    if (error instanceof Error && 'code' in error) return `uid ${process.getuid?.()}`;
    throw error;
  }
}
