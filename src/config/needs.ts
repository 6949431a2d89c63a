/** The commands whose needs differ. */
export type CommandName =
  | 'listen'
  | 'reconcile'
  | 'run'
  | 'sweep'
  | 'plan'
  | 'subscriptions'
  | 'doctor'
  | 'config'
  | 'status'
  | 'resync'
  | 'approve'
  | 'adopt'
  | 'release'
  | 'restore'
  | 'repair';

/** What a command cannot do without. Secrets that it does not need are not even opened. */
export interface Needs {
  /** Asks Entra ID: tenant, application and exactly one credential. */
  graph: boolean;
  /** Decides about people: somebody must be in scope. */
  scope: boolean;
  /** Receives notifications or keeps subscriptions. `if-given`: a missing PUBLIC_URL is only remarked upon. */
  webhooks: 'needed' | 'if-given' | 'none';
  /** Writes to the targets. */
  targets: boolean;
}

const NOTHING: Needs = { graph: false, scope: false, webhooks: 'none', targets: false };

/** What each command needs. Those that only talk to the operator socket need nothing but its path. */
export function needsOf(command: CommandName): Needs {
  switch (command) {
    case 'listen':
      return { graph: true, scope: true, webhooks: 'needed', targets: false };
    case 'subscriptions':
      return { graph: true, scope: false, webhooks: 'none', targets: false };
    case 'run':
      return { graph: true, scope: true, webhooks: 'needed', targets: true };
    case 'reconcile':
    case 'sweep':
    case 'plan':
      return { graph: true, scope: true, webhooks: 'none', targets: true };
    case 'repair':
      return { graph: false, scope: false, webhooks: 'none', targets: true };
    case 'doctor':
    case 'config':
      return { graph: true, scope: true, webhooks: 'if-given', targets: true };
    case 'status':
    case 'resync':
    case 'approve':
    case 'adopt':
    case 'release':
    case 'restore':
      return NOTHING;
  }
}
