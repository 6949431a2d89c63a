import { messageOf } from '../../domain/errors.js';
import type { AgentCheck } from '../../operator/reconciler-routes.js';
import { within } from './budget.js';
import { type Check, fine, skipped, wrong } from './check.js';

export interface AgentPorts {
  /** Asks the agent, or the reconciler whose child it is. */
  ask: (signal: AbortSignal) => Promise<AgentCheck>;
  /** How long it may take. */
  limitMs: number;
}

const NEXT = ['agent.policy', 'agent.tools', 'agent.host'] as const;

/** The account agent of this host: whether it answers, and what would keep it from working. */
export async function checkAgent({ ask, limitMs }: AgentPorts, signal: AbortSignal): Promise<Check[]> {
  let seen: AgentCheck;
  try {
    seen = await within(limitMs, signal, ask);
  } catch (error) {
    return unreached(messageOf(error), 'systemctl restart entramox-accounts.socket; journalctl -u entramox-accounts');
  }
  const { ok, saw, mend, blocked, tools = [], troubles = [] } = seen;
  if (ok) {
    return [
      fine('agent.reach', saw),
      fine('agent.policy', 'its policy is valid'),
      fine('agent.tools', 'all programs that it starts are there, sudo and visudo too, and only root can change them'),
      fine('agent.host', 'it can write, and no lock is in its way'),
    ];
  }
  if (blocked === 'reach') return unreached(saw, mend ?? 'journalctl -u entramox-accounts');
  const reached = fine('agent.reach', 'the account agent answers');
  if (blocked === 'policy') {
    const fresh = 'entramox config policy > /etc/entramox/accounts.policy.json (read it first), mode 0600, owner root';
    return [
      reached,
      wrong('agent.policy', saw, fresh),
      ...['agent.tools', 'agent.host'].map((name) =>
        skipped(name as 'agent.tools' | 'agent.host', 'the agent needs a valid policy first'),
      ),
    ];
  }
  const missing = blocked === 'tools' ? [saw] : tools;
  const others = troubles.filter((trouble) => !tools.includes(trouble));
  const rest = blocked === 'other' ? [saw] : others;
  return [
    reached,
    fine('agent.policy', 'its policy is valid'),
    missing.length > 0
      ? wrong(
          'agent.tools',
          missing.join('; '),
          'apt-get install sudo passwd procps util-linux tar findutils, each owned by root',
        )
      : fine('agent.tools', 'all programs that it starts are there, sudo and visudo too'),
    rest.length > 0
      ? wrong(
          'agent.host',
          rest.join('; '),
          mend && blocked === 'other' ? mend : 'do what each says; journalctl -u entramox-accounts',
        )
      : blocked === 'tools'
        ? skipped('agent.host', 'the agent needs its programs first')
        : fine('agent.host', 'it can write, and no lock is in its way'),
  ];
}

function unreached(saw: string, mend: string): Check[] {
  // It is on this very host: no answer is no matter of the network.
  return [wrong('agent.reach', saw, mend), ...NEXT.map((name) => skipped(name, 'the account agent does not answer'))];
}
