import type { RuleContext } from './context.js';
import { isToldByWebhook } from './sources.js';

/** What the listener cannot do without. */
export function listenerRules(context: RuleContext): void {
  const { values, needs, isGiven } = context;
  if (needs.webhooks === 'none') return;
  const enforced = values.GRAPH_ENFORCE ?? true;

  if (!enforced && !needs.targets) {
    context.problem(
      'GRAPH_ENFORCE',
      'true, since without Entra there is nothing to listen to; run the reconciler alone',
    );
  }
  if (enforced && !isGiven('PUBLIC_URL') && isToldByWebhook(values)) {
    if (needs.webhooks === 'needed')
      context.problem(
        'PUBLIC_URL',
        'the https address at which Graph reaches the listener; where nothing can come in, CHANGE_SOURCE=poll needs none',
      );
    else
      context.notice(
        'incomplete',
        'PUBLIC_URL',
        'PUBLIC_URL is not set: the listener will not start, and changes are found by catch-up and sweeps alone.',
      );
  }
  if (isGiven('LISTEN_TLS_CERT_FILE') !== isGiven('LISTEN_TLS_KEY_FILE')) {
    const missing = isGiven('LISTEN_TLS_CERT_FILE') ? 'LISTEN_TLS_KEY_FILE' : 'LISTEN_TLS_CERT_FILE';
    context.problem(missing, 'a certificate and its key together, or neither');
  }
  allowListRule(context);
  foreignSecrets(context);
  if (values.TRUST_PROXY === true) {
    context.notice(
      'insecure',
      'TRUST_PROXY',
      'TRUST_PROXY=true believes X-Forwarded-For from anybody; name the proxy, for example loopback.',
    );
  }
}

/** An allow-list judges the address that TRUST_PROXY lets us see. */
function allowListRule({ values, problem, notice }: RuleContext): void {
  if (!values.GRAPH_ADDRESSES?.length) return;
  const local = /^(?:127\.|::1$|localhost$)/.test(values.LISTEN_HOST ?? '');
  if (values.TRUST_PROXY === false && local) {
    problem(
      'TRUST_PROXY',
      'the reverse proxy in front, such as loopback: with GRAPH_ADDRESSES and without it, every request seems to come from this machine and is refused',
    );
  }
  if (values.TRUST_PROXY === true) {
    notice(
      'insecure',
      'GRAPH_ADDRESSES',
      'GRAPH_ADDRESSES keeps nobody out while TRUST_PROXY=true believes whatever address a request claims.',
    );
  }
}

/** Secrets that the listener has no use for. */
const NOT_FOR_THE_LISTENER = ['PVE_API_TOKEN', 'LAKEFS_SECRET_ACCESS_KEY'] as const;

/** The listener reads the same configuration as the reconciler, so what is written out there reaches it too. */
function foreignSecrets({ needs, isGiven, isWrittenOut, notice }: RuleContext): void {
  const isOneProcess = needs.webhooks === 'needed' && needs.targets;
  if (isOneProcess || !isGiven('PUBLIC_URL')) return;
  for (const name of NOT_FOR_THE_LISTENER.filter(isWrittenOut)) {
    notice(
      'insecure',
      name,
      `${name} is written out in the configuration, which the listener reads too, and the network reaches the listener: put it into a file of mode 0600 (${name}_FILE), or hand it to the reconciler alone as a systemd credential.`,
    );
  }
}
