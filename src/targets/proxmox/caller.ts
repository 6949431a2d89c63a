/** Who calls Proxmox VE, and how that is proved. No part of it is secret. */
export interface Caller {
  kind: 'api-token' | 'ticket' | 'pvesh';
  /** The user that acts, `svc@pve`. */
  owner: string;
  /** As PVE names the caller: `svc@pve!entramox`, or the user itself. */
  id: string;
  /** The setting or file that holds the proof, for messages. */
  from: string;
  /** What else may be the reason where it is not let in, in words. */
  doubt?: string | undefined;
}

/** For the middle of a sentence: `the API token svc@pve!entramox`. */
export function describeCaller({ kind, id }: Caller): string {
  switch (kind) {
    case 'api-token':
      return `the API token ${id}`;
    case 'ticket':
      return `the user ${id}`;
    case 'pvesh':
      return `${id} over pvesh`;
    default:
      return kind satisfies never;
  }
}
