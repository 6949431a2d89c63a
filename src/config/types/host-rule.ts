import { type AddressRange, readAddressRange } from './network.js';

/** One entry of NO_PROXY: which hosts it means, and on which port alone. */
export type HostRule = { port?: number | undefined } & (
  | { kind: 'any' }
  /** The name and everything below it, in lower case. */
  | { kind: 'name'; name: string }
  | ({ kind: 'subnet' } & AddressRange)
);

const PORT = /^(.*?):(\d{1,5})$/;
const NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*$/;

/**
 * Reads an entry as curl does: `*`; a name, which stands for itself and everything below it whether or not it starts
 * with `.` or `*.`; an address; a subnet such as `10.0.0.0/8`; each with an optional `:port`. undefined: none of these.
 */
export function readHostRule(entry: string): HostRule | undefined {
  const text = entry.toLowerCase();
  const whole = readHost(text);
  if (whole) return whole;
  const [, host = '', port = ''] = PORT.exec(text) ?? [];
  const rule = readHost(host);
  return rule && Number(port) >= 1 && Number(port) <= 65_535 ? { ...rule, port: Number(port) } : undefined;
}

function readHost(text: string): HostRule | undefined {
  if (text === '*') return { kind: 'any' };
  const range = readAddressRange(text.replace(/^\[([^\]]*)\](?=$|\/)/, '$1'));
  if (range) return { kind: 'subnet', ...range };
  const name = text.replace(/^\*?\./, '').replace(/\.$/, '');
  // What looks like a broken address is no name.
  return NAME.test(name) && !/^[\d.]+$/.test(name) ? { kind: 'name', name } : undefined;
}
