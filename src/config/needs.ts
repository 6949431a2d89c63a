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
  | 'repair'
  | 'realm'
  | 'realm-registration'
  | 'registration';

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
  /** Sets up the login of Proxmox: the client secret that people log in with. */
  realm?: true;
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
    case 'realm':
      return { ...NOTHING, realm: true };
    // It makes the client secret of the realm, so its file may not be there yet.
    case 'realm-registration':
      return { ...NOTHING, graph: true };
    case 'status':
    case 'resync':
    case 'approve':
    case 'adopt':
    case 'release':
    case 'restore':
    case 'registration':
      return NOTHING;
  }
}
