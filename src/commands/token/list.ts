import type { TokenDeclaration } from '../../targets/proxmox/tokens/declaration.js';
import { fullId } from '../../targets/proxmox/tokens/entries.js';
import { showExpiry, type TokenPlan, type TokenStep } from '../../targets/proxmox/tokens/plan.js';
import { lookAtTokens } from '../../targets/proxmox/tokens/setup.js';
import { createFileSink } from '../../targets/proxmox/tokens/sinks/file-sink.js';
import { ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { declarationsIn } from './connect.js';
import { describeStep } from './describe.js';
import type { TokenOptions } from './options.js';
import { withTokens } from './with-tokens.js';

const PATIENCE_MS = 60_000;

/** Every declared token with what stands in Proxmox differently. Exit 1 where anything does. */
export async function tokenList(file: string, options: TokenOptions, io: Io): Promise<ExitCode> {
  return withTokens(file, options, io, async (ports) => {
    const { plan } = await lookAtTokens(ports, AbortSignal.timeout(PATIENCE_MS));
    const rows = ports.declared.map((token) => rowOf(token, plan));
    if (options.json) io.out(JSON.stringify({ tokens: rows, remarks: plan.remarks }));
    else {
      for (const { token, role, paths, privsep, expires, sink, drift } of rows) {
        const rights = `${role} on ${paths.join(', ')}${privsep ? ', rights of its own' : ''}`;
        io.out(`${token}  ${rights}  expires ${expires}  ${sink}  ${drift.length === 0 ? 'as declared' : 'DIFFERS'}`);
        for (const one of drift) io.out(`    ${one}`);
      }
      for (const remark of plan.remarks) io.err(`note: ${remark}`);
    }
    return rows.every(({ drift }) => drift.length === 0) ? ExitCode.done : ExitCode.failed;
  });
}

function rowOf(token: TokenDeclaration, { steps, conflicts }: TokenPlan) {
  const id = fullId(token);
  const drift = [
    ...conflicts.filter((conflict) => conflict.token === id).map(({ why, remedy }) => `${why}; ${remedy}`),
    ...steps.filter((step) => concerns(step, token)).map((step) => `would ${describeStep(step)}`),
  ];
  const { owner, role, paths, privsep, expire, sink } = token;
  return { token: id, owner, role, paths, privsep, expires: showExpiry(expire), sink: sink.place, drift };
}

function concerns(step: TokenStep, token: TokenDeclaration): boolean {
  if ('declaration' in step) return fullId(step.declaration) === fullId(token);
  if ('entry' in step) return [token.owner, fullId(token)].includes(step.entry.ugid);
  if ('role' in step) return step.role === token.role;
  return step.owner === token.owner && (!('name' in step) || step.name === token.name);
}

/** The stored token with its secret, which no other command prints. */
export async function tokenShow(which: string, file: string, options: TokenOptions, io: Io): Promise<ExitCode> {
  const declared = declarationsIn(file, io);
  if (!declared) return ExitCode.usage;
  const found = declared.filter((token) => [token.name, fullId(token)].includes(which));
  const [token, second] = found;
  if (!token || second) {
    const names = (second ? found : declared).map(fullId).join(', ');
    io.err(token ? `${which} is more than one token: say which of ${names}` : `${which} is not declared in ${file}`);
    return ExitCode.usage;
  }
  const stored = await createFileSink(token.sink.path).read();
  if (stored?.['full-tokenid'] !== fullId(token)) {
    io.err(`${token.sink.place} holds no secret of ${fullId(token)}`);
    return ExitCode.failed;
  }
  if (options.json) io.out(JSON.stringify(stored));
  else io.out(`${stored['full-tokenid']}=${stored.value}`);
  return ExitCode.done;
}
