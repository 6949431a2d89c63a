import { join } from 'node:path';
import { messageOf, Rejected } from '../domain/errors.js';
import { asHead, type Head } from '../telemetry/audit/chain.js';
import { storiesOf } from '../telemetry/audit/story.js';
import { type Verification, verifyAudit } from '../telemetry/audit/verify.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { bootstrapPaths } from './parts/bootstrap-paths.js';
import { renderStory, renderVerification } from './render/audit.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface AuditVerifyOptions extends CommonOptions {
  /** Print the last record's number and hash alone, to be kept on another host. */
  head?: boolean | undefined;
  /** Places that were kept elsewhere, as `--head` printed them. */
  anchor?: readonly string[] | undefined;
  from?: string | undefined;
  /** The log of the set-up commands alone, to which the other options belong then. */
  bootstrap?: boolean | undefined;
}

export interface AuditShowOptions extends CommonOptions {
  user: string;
}

/**
 * Checks the whole chain, rotated files included, and that of the set-up commands. Exit 1 where anything was cut, edited,
 * added or reordered.
 */
export async function auditVerifyCommand(options: AuditVerifyOptions, io: Io): Promise<ExitCode> {
  const { log, headPath, bootstrap } = pathsOf(options, io);
  let checked: { anchors: Head[]; from: number | undefined };
  try {
    checked = { anchors: (options.anchor ?? []).map(anchorOf), from: numberOf(options.from) };
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    io.err(error.message);
    return ExitCode.usage;
  }
  const main = options.bootstrap ? bootstrap : { log, headPath };
  const result = await verifyAudit(main.log, { headPath: main.headPath, ...checked });
  const isAlone = options.bootstrap === true || options.head === true;
  const second = isAlone ? undefined : await verifyAudit(bootstrap.log, { headPath: bootstrap.headPath });
  const ok = result.findings.length === 0 && (second?.findings.length ?? 0) === 0;
  if (options.json) io.out(JSON.stringify({ ok, ...result, ...(second ? { bootstrap: second } : {}) }));
  else if (options.head && ok) io.out(result.ends ? `${result.ends.seq}:${result.ends.hash}` : 'empty');
  else {
    for (const line of renderVerification(result, io)) io.out(line);
    if (second && isThere(second)) {
      io.out(`the set-up commands (${bootstrap.log}):`);
      for (const line of renderVerification(second, io)) io.out(line);
    }
  }
  return ok ? ExitCode.done : ExitCode.failed;
}

/** Where nobody sets Proxmox up with us, there is nothing to tell of. */
function isThere({ files, findings }: Verification): boolean {
  return files.length > 0 || findings.length > 0;
}

/** Tells what the log holds of one person, in order. Exit 1 where it holds nothing. */
export async function auditShowCommand(options: AuditShowOptions, io: Io): Promise<ExitCode> {
  const { log } = pathsOf(options, io);
  const stories = await storiesOf(log, options.user).catch((error: unknown) => {
    throw new Error(`${log} cannot be read: ${messageOf(error)}. Be root or in the group adm`);
  });
  if (stories.length === 0) {
    io.err(`${log} tells nothing of ${options.user}: check the spelling, or give the object id`);
    return ExitCode.failed;
  }
  if (options.json) {
    for (const record of stories.flatMap(({ records }) => records)) io.out(JSON.stringify(record));
    return ExitCode.done;
  }
  if (stories.length > 1) io.out(`${stories.length} identities have had this name:`);
  for (const story of stories) for (const line of renderStory(story, io)) io.out(line);
  return ExitCode.done;
}

interface LogPaths {
  log: string;
  headPath: string;
}

function pathsOf(options: CommonOptions, io: Io): LogPaths & { bootstrap: LogPaths } {
  const { paths } = equip('status', options, io).settings;
  const { audit, auditHead } = bootstrapPaths(paths);
  return {
    log: join(paths.logDir, 'audit.ndjson'),
    headPath: join(paths.stateDir, 'audit.head'),
    bootstrap: { log: audit, headPath: auditHead },
  };
}

function anchorOf(text: string): Head {
  const [seq, hash] = text.split(':');
  const head = asHead({ seq: Number(seq), hash });
  if (!head)
    throw new Rejected(`--anchor ${text}: NUMBER:HASH is expected, as "entramox audit verify --head" prints it`);
  return head;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new Rejected(`--from ${text}: the number of a record is expected, such as 1`);
  return Number(text);
}
