import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../domain/errors.js';
import type { Installation } from '../integrity/installation.js';
import { CONFIG_MANIFEST, PROGRAM_MANIFEST } from '../integrity/manifest.js';
import { seal } from '../integrity/seal.js';
import { BARE_ENVIRONMENT } from '../telemetry/bare-environment.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { programFile } from './parts/program-file.js';
import type { CommonOptions } from './settings-of.js';

/** The script that the units run before they start. */
const SCRIPT = 'entramox-integrity';
const CONFIG_DIRECTORY = '/etc/entramox';

/**
 * Records what is installed here, and proves it with the script that the units run. Exit code 0; 1 where something
 * cannot be recorded or is not as it must be, each with what mends it; 2 without root or without an installation.
 */
export async function integritySeal(options: CommonOptions, io: Io): Promise<ExitCode> {
  const script = installedScript(io);
  if (script === undefined) return ExitCode.usage;
  if (process.getuid?.() !== 0) {
    io.err('only root may seal: sudo entramox integrity seal');
    return ExitCode.usage;
  }
  let files: { program: number; config: number };
  try {
    const { program, config } = seal(installationOf(script), Date.now());
    files = { program: program.sums.size, config: config.sums.size };
  } catch (error) {
    io.err(messageOf(error));
    return ExitCode.failed;
  }
  const { ok, findings } = await check(script);
  if (options.json) io.out(JSON.stringify({ ok, files, findings }));
  else {
    io.out(`sealed: ${files.program} files in ${PROGRAM_MANIFEST}, ${files.config} in ${CONFIG_MANIFEST}`);
    for (const finding of findings) io.err(finding);
  }
  return ok ? ExitCode.done : ExitCode.failed;
}

/** What the units would find now. Exit code 0: they would start. 1: they would not. 2: nothing is installed here. */
export async function integrityVerify(options: CommonOptions, io: Io): Promise<ExitCode> {
  const script = installedScript(io);
  if (script === undefined) return ExitCode.usage;
  const { ok, findings } = await check(script);
  if (options.json) io.out(JSON.stringify({ ok, sealed: existsSync(PROGRAM_MANIFEST), findings }));
  else {
    for (const finding of findings) io.err(finding);
    if (ok) io.out(existsSync(PROGRAM_MANIFEST) ? 'everything is as it was sealed' : 'owners and modes are in order');
  }
  return ok ? ExitCode.done : ExitCode.failed;
}

function installationOf(script: string): Installation {
  return {
    programDirectory: dirname(script),
    configDirectory: CONFIG_DIRECTORY,
    policyFile: join(CONFIG_DIRECTORY, 'accounts.policy.json'),
  };
}

function installedScript(io: Io): string | undefined {
  const program = programFile();
  const script = join(dirname(program), SCRIPT);
  if (existsSync(script)) return script;
  io.err(`${program} is no installation: ${script} is not there (docs/operations.md, "Set up a host")`);
  return undefined;
}

/** Runs the script; what it says, line by line. */
function check(script: string): Promise<{ ok: boolean; findings: string[] }> {
  return new Promise((resolve, reject) => {
    const child = spawn(script, [], { env: BARE_ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
    child.once('error', (error) => reject(new Error(`${script} cannot be run: ${error.message}`)));
    child.once('close', (code) => resolve({ ok: code === 0, findings: words.split('\n').filter(Boolean) }));
  });
}
