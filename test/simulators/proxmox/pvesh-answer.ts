import type { Answer } from './test-client.js';

/** How one run of pvesh ends: what it prints, and its exit code; it may be killed, or hang once it has printed. */
export type PveshAnswer = { end: number | 'hang'; stdout?: string; stderr?: string } | 'killed';

const VERB: Readonly<Record<string, string>> = { GET: 'get', POST: 'create', PUT: 'set', DELETE: 'delete' };
/** What perl's `die` ends with where no system call failed before. */
const DIED = 255;

interface Asked {
  method: string;
  path: string;
}

/** What pvesh prints where the API over HTTP would have given this answer. */
export function answerOf({ status, data, message, reason, errors }: Answer, { method, path }: Asked): PveshAnswer {
  const verb = VERB[method] ?? '';
  const text = (message || reason).replace(/\n$/, '');
  const names = Object.entries(errors);
  const unknown = names.filter(([, why]) => why.startsWith('property is not defined in schema'));
  if (status < 300) {
    // A method that returns nothing prints nothing (CLIFormatter, print_api_result).
    return { end: 0, stdout: data === null || data === undefined ? '' : `${JSON.stringify(sorted(data))}\n` };
  }
  if (unknown.length > 0) {
    const complaints = unknown.map(([name]) => `Unknown option: ${name}\n`).join('');
    return usageOf(`${complaints}400 unable to parse option`, verb);
  }
  if (status === 501) return { end: 1, stderr: `No '${verb}' handler defined for '${path}'\n` };
  if (status > 501) return clusterFilesGone();
  if (status === 500) return { end: DIED, stderr: `${waiting(text)}${text}\n` };
  const details = names.map(([name, why]) => `${name}: ${why}\n`).join('');
  const said = `${status} ${text}\n${details}`;
  return { end: DIED, stderr: status === 400 ? `${said}${usageLine(verb)}` : said };
}

/** The end of a command line that could not be read. */
export function usageOf(complaint: string, verb = 'get'): PveshAnswer {
  return { end: DIED, stderr: `${complaint}\n${usageLine(verb)}` };
}

function usageLine(verb: string): string {
  return `pvesh ${verb} <api_path> [OPTIONS] [FORMAT_OPTIONS]\n`;
}

/** pmxcfs does not run. */
function clusterFilesGone(): PveshAnswer {
  const lines = [
    'ipcc_send_rec[1] failed: Connection refused',
    'Unable to load access control list: Connection refused',
  ];
  return { end: 111, stderr: `${lines.join('\n')}\n` };
}

/** Whoever waits for the lock of the cluster's files is told so beforehand. */
function waiting(text: string): string {
  const lock = /cfs-lock ('[^']+') error: got lock request timeout/.exec(text)?.[1];
  return lock === undefined ? '' : `trying to acquire cfs lock ${lock} ...\n`.repeat(2);
}

/** pvesh prints the keys of objects in their order (`canonical`). */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
