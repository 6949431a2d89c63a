import { createHash, type Hash } from 'node:crypto';
import { messageOf } from '../../domain/errors.js';
import { type Head, hashOf, type Link, parseLink, parseUnchained, TORN_LINE } from './chain.js';
import { auditFiles, type Line, linesOf } from './files.js';
import { readHead } from './head-file.js';

/** Where in the log something is, and what. */
export interface Finding {
  file: string;
  /** Missing where it is about the whole file. */
  line?: number | undefined;
  what: string;
}

/** What was found in the files of one audit log. */
export interface Verification {
  files: string[];
  records: number;
  /** Records of a format without a chain, from before the first chained one. */
  beforeTheChain: number;
  /** The first chained record that is still there. */
  begins?: { seq: number; at: string } | undefined;
  /** The last one, to be kept somewhere else. */
  ends?: (Head & { at: string }) | undefined;
  /** What is wrong: the log was cut, edited or reordered, or cannot be read. */
  findings: Finding[];
  /** What is remarkable and explained. */
  notes: Finding[];
}

export interface VerifyOptions {
  headPath: string;
  /** Places that were kept elsewhere: each must still be in the log as it was. */
  anchors?: readonly Head[] | undefined;
  /** The first record that must still be there; without it, files that were rotated away may be gone. */
  from?: number | undefined;
}

/** Reads a whole audit log with its rotated files and checks every link of the chain. Changes nothing. */
export async function verifyAudit(path: string, options: VerifyOptions): Promise<Verification> {
  const stored = readHead(options.headPath);
  const heads = [...(options.anchors ?? []), ...(stored.kind === 'head' ? [stored.head] : [])];
  const check = createCheck(heads);
  const files = await inOrder(auditFiles(path));
  for (const file of files) await checkFile(check, file);
  const result = check.end(path, options.from);
  if (stored.kind === 'broken') result.findings.push({ file: options.headPath, what: `no head: ${stored.why}` });
  if (stored.kind === 'missing' && result.ends) {
    const what = 'the head of the chain is missing: a cut at the end of the log would not be seen';
    result.findings.push({ file: options.headPath, what });
  }
  return { ...result, files };
}

async function checkFile(check: Check, file: string): Promise<void> {
  check.open(file);
  try {
    for await (const line of linesOf(file)) check.line(line);
  } catch (error) {
    check.unreadable(messageOf(error));
  }
}

/** By the number of the first record in each; files without any come first, as they are from before the chain. */
async function inOrder(files: readonly string[]): Promise<string[]> {
  const keyed = await Promise.all(files.map(async (file) => ({ file, seq: await firstSeqOf(file) })));
  return keyed.sort((a, b) => a.seq - b.seq).map(({ file }) => file);
}

async function firstSeqOf(file: string): Promise<number> {
  try {
    for await (const { bytes } of linesOf(file)) {
      const link = parseLink(bytes);
      if (link) return link.seq;
    }
  } catch {
    // The check itself tells that and why it cannot be read.
  }
  return 0;
}

/** What the log says of harm that was there when it was opened. */
const HARM: Readonly<Record<string, string>> = {
  'records-missing': 'records were missing at the end when the log was opened',
  'record-changed': 'the last record was not the one that was written when the log was opened',
};

/** What else it says of itself and somebody should know. */
const REMARKS: Readonly<Record<string, string>> = {
  'head-missing': 'the head of the chain was missing when the log was opened: a cut before this record is not seen',
  'head-broken': 'the head of the chain was broken when the log was opened: a cut before this record is not seen',
  'file-unreadable': 'a rotated file could not be read when the log was opened',
};

/** A crash leaves one torn line, a full disk a few. */
const MANY_STRAYS = 1000;

interface Check {
  open(file: string): void;
  line(line: Line): void;
  unreadable(why: string): void;
  end(path: string, from: number | undefined): Omit<Verification, 'files'>;
}

function createCheck(heads: readonly Head[]): Check {
  const findings: Finding[] = [];
  const notes: Finding[] = [];
  const met = new Set<Head>();
  let file = '';
  let records = 0;
  let beforeTheChain = 0;
  let begins: Verification['begins'];
  let last: (Head & { at: string }) | undefined;
  /** Lines behind the last record that are none themselves. */
  let strays: { file: string; line: Line }[] = [];
  /** Over the file so far, until the chain has begun. */
  let untilNow: Hash | undefined;
  let unchainedHere = 0;

  const find = (line: Line, what: string) => findings.push({ file, line: line.number, what });

  function begin(link: Link, line: Line): void {
    begins = { seq: link.seq, at: link.at };
    const vouched = link.seq === 1 && link.prev === untilNow?.digest('hex');
    if (vouched) {
      beforeTheChain += unchainedHere;
      if (strays.length > 0) notes.push({ file, what: `${strays.length} torn lines from before the chain` });
      strays = [];
    } else if (link.seq === 1) {
      find(line, 'what stands before the first record is not what it vouches for: something was added, edited or cut');
    } else if (!link.firstOfFile) {
      find(line, `the chain begins at record ${link.seq} in the middle of a file: the records before it were cut away`);
    } else if (beforeTheChain + unchainedHere > 0) {
      find(line, `records 1 to ${link.seq - 1} are missing`);
    }
    if (!vouched && !closesOff(link, link.after, line)) tellStrays();
    untilNow = undefined;
  }

  /** Whether this record tells of the torn lines before it; they are told as explained then. */
  function closesOff(link: Link, from: Head | undefined, line: Line): boolean {
    if (!from || strays.length === 0 || !isClosingOff(link, strays, from)) return false;
    const bytes = strays.reduce((sum, stray) => sum + stray.line.bytes.length, 0);
    notes.push({ file, line: line.number, what: `a torn line of ${bytes} bytes was closed off by record ${link.seq}` });
    strays = [];
    return true;
  }

  function follow(link: Link, line: Line, from: Head): boolean {
    const closed = closesOff(link, from, line);
    if (!closed) tellStrays();
    if (link.seq <= from.seq) {
      find(line, `record ${link.seq} comes after record ${from.seq}: it was moved, repeated or put in`);
      return false;
    }
    if (link.seq > from.seq + 1) find(line, `${range(from.seq + 1, link.seq - 1)} before it`);
    else if (!closed && link.prev !== from.hash) {
      find(line, `record ${link.seq} does not follow record ${from.seq}: one of the two was edited or replaced`);
    }
    return true;
  }

  function tellStrays(): void {
    for (const { file: where, line } of strays) {
      const torn = line.whole ? '' : ': it is torn, and the next start of the reconciler closes it off';
      findings.push({ file: where, line: line.number, what: `the line is no record of the chain${torn}` });
    }
    strays = [];
  }

  function meet({ seq }: Link, hash: string, line: Line): void {
    for (const head of heads) {
      if (head.seq !== seq || met.has(head)) continue;
      met.add(head);
      if (head.hash !== hash) find(line, `record ${seq} is not the one whose hash was kept: ${head.hash}`);
    }
  }

  return {
    open(next) {
      beforeTheChain += begins ? 0 : unchainedHere;
      file = next;
      unchainedHere = 0;
      untilNow = begins ? undefined : createHash('sha256');
    },
    line(line) {
      const link = parseLink(line.bytes);
      if (link) {
        const hash = hashOf(line.bytes);
        records += 1;
        const goesOn = last ? follow(link, line, last) : true;
        if (!begins) begin(link, line);
        if (link.record.kind === 'log') {
          const [harm, remark] = [HARM[link.action], REMARKS[link.action]];
          if (harm !== undefined) find(line, harm);
          if (remark !== undefined) notes.push({ file, line: line.number, what: remark });
        }
        meet(link, hash, line);
        if (goesOn) last = { seq: link.seq, hash, at: link.at };
        if (!line.whole) find(line, 'the last line has no end');
      } else if (!begins && parseUnchained(line.bytes)) unchainedHere += 1;
      else strays.push({ file, line });
      if (strays.length > MANY_STRAYS && begins) tellStrays();
      untilNow?.update(line.bytes);
      if (line.whole) untilNow?.update('\n');
    },
    unreadable(why) {
      findings.push({ file, what: `it cannot be read to its end: ${why}` });
    },
    end(path, from) {
      if (!begins) beforeTheChain += unchainedHere;
      tellStrays();
      const ends = last;
      for (const head of heads) {
        if (met.has(head)) continue;
        const gone = !ends || head.seq > ends.seq;
        const what = gone
          ? `the end was cut: the log ends at record ${ends?.seq ?? 0}, and record ${head.seq} was there`
          : `record ${head.seq}, whose hash was kept, is not in the log any more`;
        findings.push({ file: path, what });
      }
      if (from !== undefined && (begins?.seq ?? Number.POSITIVE_INFINITY) > from) {
        findings.push({ file: path, what: `record ${from} is not in the log any more` });
      }
      return { records, beforeTheChain, begins, ends, findings, notes };
    },
  };
}

function isClosingOff(link: Link, strays: readonly { line: Line }[], from: Head): boolean {
  const bytes = strays.flatMap(({ line }, index) => (index === 0 ? [line.bytes] : [Buffer.from('\n'), line.bytes]));
  const wasWhole = strays.some(({ line }) => parseUnchained(line.bytes) !== undefined);
  return (
    link.action === TORN_LINE &&
    !wasWhole &&
    link.prev === hashOf(Buffer.concat(bytes)) &&
    link.after?.seq === from.seq &&
    link.after.hash === from.hash
  );
}

function range(first: number, last: number): string {
  return first === last ? `record ${first} is missing` : `records ${first} to ${last} are missing`;
}
