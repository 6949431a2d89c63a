import { release, type } from 'node:os';
import type { BenchName, Line } from './figure.js';

type Measured = Exclude<Line, { skipped: string }>;

/** What a figure is compared with, what else belongs beside it, and what holds it back. */
interface Row {
  what: string;
  reference: string;
  more: (line: Measured) => string;
  limit: string;
}

const NOOP: Omit<Row, 'what'> = {
  reference: 'plain undici fetching the same pages and the listing',
  more: (line) =>
    `peak ${line.peakRssMb} MB (agent ${line.agentPeakRssMb} MB), ${line.graphCalls} Graph calls, ` +
    `${line.proxmoxWrites} Proxmox writes`,
  limit: 'start of the two Node processes (about 0.3 s), then checking every answer against its schema',
};

const LEAVER: Omit<Row, 'what' | 'limit'> = {
  reference: 'the same PUT and `usermod -L -e 1`',
  more: (line) => `overhead ${line.overheadMs} ms, p90 ${line.p90Ms} ms, ${line.samples} samples`,
};

const LAKEFS: Omit<Row, 'what' | 'limit'> = {
  reference: 'plain undici making the same requests one after the other',
  more: (line) =>
    `${line.graphCalls} Graph calls, ${line.lakefsReads} reads and ${line.lakefsWrites} writes in lakeFS; ` +
    `the old tool: ${line.oldToolGraphCalls} and ${line.oldToolLakefsCalls}; peak ${line.peakRssMb} MB`,
};

const ROWS: Record<BenchName, Row> = {
  intake: {
    what: 'Notifications stored durably and answered 202',
    reference: 'express that parses JSON and answers 202',
    more: (line) =>
      `at ${line.atPerSecond}/s: p50 ${line.p50Ms} ms, p99 ${line.p99Ms} ms ` +
      `(bare ${line.bareP50Ms} and ${line.bareP99Ms}); pressed: p99 ${line.pressedP99Ms} ms, slowest ${line.pressedSlowestMs} ms, ` +
      `${line.pressedOver3s} over 3 s; spool on ${line.spoolOn}`,
    limit: 'one core of the listener: making one file per key, TLS and express; fsync is shared by all in flight',
  },
  'leaver-warm': {
    ...LEAVER,
    what: 'Notification to locked and disabled, agent running',
    limit: 'usermod, and three round trips: Graph batch, agent, Proxmox',
  },
  'leaver-cold': {
    ...LEAVER,
    what: 'The same, agent has just exited',
    limit: 'the start of Node for the agent',
  },
  'sweep-noop-1000': { ...NOOP, what: 'Sweep of 1,000 that changes nothing' },
  'sweep-noop-5000': { ...NOOP, what: 'Sweep of 5,000 that changes nothing' },
  'sweep-create-500': {
    what: 'First sweep, 500 new accounts and Proxmox users',
    reference: 'groupadd, useradd, chpasswd, chage and POST in a loop',
    more: (line) => `${line.perIdentityMs} ms each, ${line.identities} identities, peak ${line.peakRssMb} MB`,
    limit: 'the shadow tools, most of all the password hash of chpasswd (yescrypt, about 30 ms)',
  },
  'lakefs-first-200x1000': {
    ...LAKEFS,
    what: 'First sync of 200 lakeFS groups with 1,000 members each',
    limit: 'one request for each membership: lakeFS has no call for several',
  },
  'lakefs-noop-200x1000': {
    ...LAKEFS,
    what: 'The same with nothing to do',
    limit: 'Graph gives 999 members on a page; checking every answer against its schema',
  },
};

/** The lines as a Markdown table, with the date and what they were measured on. */
export function markdownTable(lines: readonly Line[], now: Date): string {
  const kernel = release().split('.').slice(0, 2).join('.');
  const machine = `${type()} ${kernel}, Node ${process.versions.node}`;
  return [
    `Measured on ${now.toISOString().slice(0, 10)}, 2 shared vCPU, Debian 12 (${machine}).`,
    '',
    '| Benchmark | Value | Reference, same run | Ratio | More | Limited by |',
    '|---|---|---|---|---|---|',
    ...lines.map(rowOf),
  ].join('\n');
}

function rowOf(line: Line): string {
  const row = ROWS[line.bench];
  const cells =
    'skipped' in line
      ? ['not measured', String(line.skipped), '', '', '']
      : [
          `**${line.value} ${line.unit}**`,
          `${line.reference} ${line.unit} (${row.reference})`,
          String(line.ratio),
          `${row.more(line)}; load ${line.loadAverage}`,
          row.limit,
        ];
  return `| ${[`\`${line.bench}\`: ${row.what}`, ...cells].join(' | ')} |`;
}
