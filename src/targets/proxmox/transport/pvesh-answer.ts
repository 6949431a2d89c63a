import type { TransportReply } from './transport.js';

/** What pvesh said and how it ended. */
export interface PveshEnd {
  code: number;
  stdout: string;
  stderr: string;
}

type Answer = Extract<TransportReply, { kind: 'answer' }>;

/** Said on standard error beside the error itself: perl on locales, a lock that is waited for, the usage. */
const NOISE = [
  /^perl: warning:/,
  /^\s+(?:LANGUAGE|LC_[A-Z]+|LANG) = .*/,
  /^\s+are supported and installed on your system\.$/,
  /^trying to acquire (?:cfs )?lock\b/,
  /^\s*OK$/,
  /^\s*$/,
];
const USAGE = /^(?:USAGE: )?pvesh (?:get|create|set|delete) </;

/** The file system of the cluster does not run: nothing can be read or written until it does. */
const NO_CLUSTER_FILES = /\bipcc_send_rec\b|Unable to load access control list|pmxcfs/;

const UNKNOWN_OPTION = /^Unknown option: (\S+)$/;

/**
 * The end of pvesh as the answer that HTTP would have given, so that the same texts mean the same. On success it prints
 * the data as JSON, or nothing where a method returns nothing; else the error stands on standard error, with its status
 * in front where it is not 500 (PVE::Exception), and the errors of single parameters below.
 */
export function answerOfPvesh({ code, stdout, stderr }: PveshEnd): Answer {
  if (code === 0) {
    const text = stdout.trim() === '' ? '{"data":null}' : `{"data":${stdout.trim()}}`;
    return { kind: 'answer', status: 200, reason: 'OK', body: { ok: true, text } };
  }
  const lines = wordsOf(stderr);
  const unknown = lines.flatMap((line) => UNKNOWN_OPTION.exec(line)?.[1] ?? []);
  if (unknown.length > 0) return failed(400, ['Parameter verification failed.', ...unknown.map(undefinedParameter)]);
  if (lines.some((line) => NO_CLUSTER_FILES.test(line))) return failed(595, lines);
  if (lines.some((line) => /^no '\w+' handler\b/i.test(line))) return failed(501, lines);
  const [, status, first] = /^([45]\d\d) (.+)$/.exec(lines[0] ?? '') ?? [];
  if (status === undefined || first === undefined) {
    return failed(500, lines.length > 0 ? lines : [`pvesh ended with ${code} and said nothing`], false);
  }
  return failed(Number(status), [first, ...lines.slice(1)]);
}

function wordsOf(stderr: string): string[] {
  const lines = stderr.split(/\r?\n/);
  const usage = lines.findIndex((line) => USAGE.test(line));
  const said = usage < 0 ? lines : lines.slice(0, usage);
  return said.filter((line) => !NOISE.some((noise) => noise.test(line))).map((line) => line.trimEnd());
}

function undefinedParameter(name: string): string {
  return `${name}: property is not defined in schema and the schema does not allow additional properties`;
}

/** Lines below the first that name a parameter become its error, where there are such. */
function failed(status: number, lines: readonly string[], hasParameters = true): Answer {
  const [first = '', ...below] = lines;
  const named = below.map((line) => /^([\w-]+): (.*)$/.exec(line)).filter((match) => match !== null);
  const isList = hasParameters && named.length > 0 && named.length === below.length;
  const errors = Object.fromEntries(named.map(([, name, text]) => [name, text]));
  const body = isList ? { message: first, errors } : { message: lines.join('\n') };
  return { kind: 'answer', status, reason: first, body: { ok: true, text: JSON.stringify(body) } };
}
