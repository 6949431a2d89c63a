/** One finding about a part of Proxmox VE: what was seen, and what mends it where it is not well. */
export interface Finding {
  about:
    | 'token'
    | 'version'
    | 'token-expiry'
    | 'privileges'
    | 'beyond'
    | 'groups'
    | 'realm'
    | 'realm-options'
    | 'user-cfg';
  /** `remark`: well, with something to know; `unreachable`: it gave no answer; `skipped`: not looked at. */
  state: 'fine' | 'remark' | 'wrong' | 'unreachable' | 'skipped';
  ok: boolean;
  saw: string;
  mend?: string;
}

export function findingOf(about: Finding['about'], state: Finding['state'], saw: string, mend?: string): Finding {
  const ok = state === 'fine' || state === 'remark';
  return { about, state, ok, saw, ...(mend === undefined ? {} : { mend }) };
}
