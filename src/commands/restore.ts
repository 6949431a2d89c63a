import { parseGuid } from '../domain/identity.js';
import { createOperatorClient } from '../operator/client.js';
import type { IdentifyAnswer } from '../operator/reconciler-routes.js';
import { ExitCode } from './exit-code.js';
import type { Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { rootVerb } from './parts/root-verb.js';
import { type CommonOptions, equip } from './settings-of.js';

export interface RestoreOptions extends CommonOptions {
  yes?: boolean | undefined;
  archive?: string | undefined;
}

/**
 * Brings back the archived home of somebody who came back after a deletion, through the account agent's own command:
 * shows what would happen, does it with --yes. For root; anybody else is told the command.
 */
export async function restoreCommand(who: string, options: RestoreOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('restore', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  let oid = parseGuid(who);
  if (!oid) {
    const answer = await client.call('POST', '/identify', { who });
    if (answer.status !== 200) return refusal(answer, io);
    ({ oid } = answer.body as IdentifyAnswer);
  }
  const { yes, archive, json } = options;
  const args = ['restore', '--oid', oid, ...(archive ? ['--archive', archive] : []), ...(yes ? ['--yes'] : [])];
  const verb = rootVerb(settings, args);
  if (!verb.allowed) {
    io.err(`this is root's to do, on the host of the account: ${verb.shown}`);
    return ExitCode.failed;
  }
  const { code, stdout, stderr } = await verb.run();
  const lines = stdout.trimEnd().split('\n').filter(Boolean);
  if (json) io.out(JSON.stringify({ oid, restored: yes === true && code === 0, lines }));
  else for (const line of lines) io.out(line);
  if (code !== 0) {
    io.err(stderr.trim() || `the account agent's command ended with ${code}`);
    return ExitCode.failed;
  }
  if (!yes) return ExitCode.done;
  const said = lines.at(-1)?.slice(0, 500) ?? '';
  const told = await client.call('POST', '/restored', { who: oid, said, claimedUser: claimedUser() });
  return told.status === 200 ? ExitCode.done : refusal(told, io);
}
