import { Rejected } from '../../../domain/errors.js';
import type { Method, TransportRequest } from './transport.js';

const VERB: Readonly<Record<Method, string>> = { GET: 'get', POST: 'create', PUT: 'set', DELETE: 'delete' };

/**
 * Parameters that hold a secret. Everybody on a host may read the arguments of its processes, and pvesh takes values
 * from nowhere else: it maps no parameter to a file, to standard input or to the environment (PVE::CLI::pvesh has no
 * param_mapping).
 */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  'client-key',
  'confirmation-password',
  'keys',
  'otp',
  'password',
  'response',
  'tfa-challenge',
  'totp',
  'value',
]);

/**
 * The arguments for one call: `create /access/users --userid=svc@pve --output-format=json`. Every value stands behind an
 * equals sign, so that none is taken for an option (Getopt::Long, "Summary of Option Specifications"); an empty one has
 * an argument of its own, since `--comment=` would be an error. Throws Rejected for what cannot be told to pvesh.
 */
export function pveshArguments({ method, route, params = {}, query = {}, body = {} }: TransportRequest): string[] {
  const given = Object.entries({ ...query, ...body });
  const secret = given.find(([name]) => SECRET_PARAMETERS.has(name))?.[0];
  if (secret !== undefined) {
    throw new Rejected(
      `${method} ${route} sends ${secret}, which pvesh takes only on its command line, where everybody on this host could read it: use --admin-user or --admin-token-file for this`,
    );
  }
  const options = given.flatMap(([name, value]) => optionOf(name, String(value)));
  return [VERB[method], pathOf(route, params), ...options, '--output-format=json'];
}

function optionOf(name: string, value: string): string[] {
  if (!/^[A-Za-z][\w-]*$/.test(name)) throw new Rejected(`${JSON.stringify(name)} is no parameter of Proxmox VE`);
  if (value.includes('\0')) throw new Rejected(`${name} holds a NUL character, which no program can be told`);
  return value === '' ? [`--${name}`, ''] : [`--${name}=${value}`];
}

/** pvesh takes a path as it is: nothing in it is percent-decoded, so a slash in a name cannot be written. */
function pathOf(route: string, params: Readonly<Record<string, string>>): string {
  return route.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || /^(?:\.{0,2}$)|[/\0]/.test(value)) {
      throw new Rejected(`${JSON.stringify(value ?? name)} cannot stand in the Proxmox VE path ${route}`);
    }
    return value;
  });
}
