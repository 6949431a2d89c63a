import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import type { Connect } from '../../src/targets/linux/channel.js';
import { answerLine, type Machine } from '../simulators/accounts/answer.js';
import { Refusal } from '../simulators/accounts/refusal.js';
import type { Gate } from './gate.js';

/** What the next requests to the agent meet. */
export type AgentFault = 'busy' | 'ceiling' | 'failed' | 'nonsense' | 'killed-before' | 'killed-after';

export interface AgentFaults {
  next: AgentFault[];
}

/** The way to an account agent in this process: the real protocol on the simulated machine, one agent for each connection. */
export function agentWire(machine: Machine, gate: Gate, faults: AgentFaults): Connect {
  return async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    let ended = (_why: string): void => undefined;
    const closed = new Promise<string>((resolve) => {
      ended = resolve;
    });
    const die = (): void => {
      output.end();
      ended('the account agent ended with SIGKILL');
    };
    createInterface({ input }).on('line', (line) => {
      if (!gate.cross({ wire: 'agent', when: 'before' })) return;
      const fault = line.includes('"verb":"observe"') ? undefined : faults.next.shift();
      if (fault === 'killed-before') return die();
      const { reply } = answerLine(refusing(machine, fault), line);
      if (!gate.cross({ wire: 'agent', when: 'after' })) return;
      if (fault === 'killed-after') return die();
      output.write(`${fault === 'nonsense' ? '}{' : ''}${JSON.stringify(reply)}\n`);
      if (fault === 'nonsense') die();
    });
    input.on('end', () => {
      output.end();
      ended('the account agent ended with code 0');
    });
    return {
      input,
      output,
      closed,
      async close() {
        input.end();
        await closed;
      },
    };
  };
}

function refusing(machine: Machine, fault: AgentFault | undefined): Machine {
  if (fault !== 'busy' && fault !== 'ceiling' && fault !== 'failed') return machine;
  return {
    ...machine,
    onRequest(request) {
      machine.onRequest?.(request);
      throw new Refusal(fault, `the agent was told to be ${fault}`);
    },
  };
}
