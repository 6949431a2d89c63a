import { createOperatorClient } from '../operator/client.js';
import type { Finding } from '../reconcile/resync.js';
import type { Outcome } from '../reconcile/settle.js';
import { ExitCode, exitCodeOfOutcome } from './exit-code.js';
import { colours, type Io } from './io.js';
import { claimedUser } from './parts/claimed-user.js';
import { refusal } from './parts/refusal.js';
import { type CommonOptions, equip } from './settings-of.js';

type Line = Finding | { result: Outcome['result'] };

/** Brings one person true now; prints the five steps connect, read, scope, match, act, each with its finding. */
export async function resyncCommand(who: string, options: CommonOptions, io: Io): Promise<ExitCode> {
  const { settings } = equip('resync', options, io);
  const client = createOperatorClient(settings.paths.operatorSocket);
  const paint = colours(io);
  const findings: Finding[] = [];
  const answer = await client.stream('/resync', { who, claimedUser: claimedUser() }, (raw) => {
    const line = raw as Line;
    if (!('step' in line)) return;
    findings.push(line);
    if (options.json) return;
    const mark = line.ok ? paint.green('ok') : paint.red('no');
    // A step names its target itself.
    const place = line.target && line.step !== 'act' ? `${line.target}: ` : '';
    io.out(`${line.step.padEnd(8)}${mark}  ${place}${line.finding}`);
  });
  if (answer.status !== 200) return refusal(answer, io);
  const { result } = answer.body as { result: Outcome['result'] };
  if (options.json) io.out(JSON.stringify({ who, result, steps: findings }));
  const unread = findings.some((finding) => !finding.ok && (finding.step === 'connect' || finding.step === 'read'));
  return unread && result === 'failed' ? ExitCode.degraded : exitCodeOfOutcome(result);
}
