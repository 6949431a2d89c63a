import type { Values } from '../schema/index.js';
import type { RuleContext } from './context.js';

/** Graph is to call us: it is said so, or nothing else is said. */
export function isToldByWebhook({ CHANGE_SOURCE: sources }: Partial<Values>): boolean {
  return sources === undefined || sources.includes('webhook');
}

/** What is set and has no effect with the sources that are named. */
export function sourceRules({ values, isGiven, notice }: RuleContext): void {
  const { CHANGE_SOURCE: sources, GRAPH_ENFORCE: enforced } = values;
  if (enforced === false) {
    if (isGiven('CHANGE_SOURCE')) {
      const why = 'GRAPH_ENFORCE is false: the Proxmox realm tells of no changes, its users are seen by sweeps alone';
      notice('ignored', 'CHANGE_SOURCE', `CHANGE_SOURCE is ignored, since ${why}.`);
    }
    return;
  }
  if (isGiven('PUBLIC_URL') && !isToldByWebhook(values)) {
    const named = sources?.join(',') ?? '';
    notice('ignored', 'PUBLIC_URL', `PUBLIC_URL is ignored, since CHANGE_SOURCE=${named} does not name webhook.`);
  }
  if (isGiven('POLL_INTERVAL') && !sources?.includes('poll')) {
    notice(
      'ignored',
      'POLL_INTERVAL',
      'POLL_INTERVAL is ignored, since CHANGE_SOURCE does not name poll; CATCHUP_INTERVAL counts.',
    );
  }
}
