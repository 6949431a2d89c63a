import type { RuleContext } from './context.js';

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
  if (enforced && !isGiven('PUBLIC_URL')) {
    if (needs.webhooks === 'needed')
      context.problem('PUBLIC_URL', 'the https address at which Graph reaches the listener');
    else
      context.notice(
        'incomplete',
        'PUBLIC_URL',
        'PUBLIC_URL is not set: the listener will not start, and changes are found by sweeps alone.',
      );
  }
  if (isGiven('LISTEN_TLS_CERT_FILE') !== isGiven('LISTEN_TLS_KEY_FILE')) {
    const missing = isGiven('LISTEN_TLS_CERT_FILE') ? 'LISTEN_TLS_KEY_FILE' : 'LISTEN_TLS_CERT_FILE';
    context.problem(missing, 'a certificate and its key together, or neither');
  }
  if (values.TRUST_PROXY === true) {
    context.notice(
      'insecure',
      'TRUST_PROXY',
      'TRUST_PROXY=true believes X-Forwarded-For from anybody; name the proxy, for example loopback.',
    );
  }
}
