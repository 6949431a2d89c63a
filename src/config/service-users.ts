import { readFileSync } from 'node:fs';

const SERVICE_USERS = ['entramox', 'entramox-listener'];

/** The uids of the two users that the service runs as, where this machine has them. */
export function serviceUids(passwd = readFileSync('/etc/passwd', 'utf8')): number[] {
  return passwd
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '']) => SERVICE_USERS.includes(name))
    .flatMap(([, , uid]) => (uid !== undefined && /^\d+$/.test(uid) ? [Number(uid)] : []));
}
