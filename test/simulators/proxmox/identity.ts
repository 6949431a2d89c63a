/** Who calls: `user@realm` with a ticket, `user@realm!tokenid` with a token. */
export interface Caller {
  readonly kind: 'ticket' | 'token';
  /** As access checks and the access log name the caller. */
  readonly authid: string;
  /** The user behind it. */
  readonly userid: string;
}

/** The user and token of `user@realm!tokenid`, or undefined where it is not a token id. */
export function splitTokenId(full: string): { userid: string; tokenid: string } | undefined {
  const at = full.lastIndexOf('!');
  if (at <= 0 || !/^[A-Za-z][A-Za-z0-9.\-_]+$/.test(full.slice(at + 1))) return undefined;
  const userid = full.slice(0, at);
  return userIdProblem(userid) === undefined ? { userid, tokenid: full.slice(at + 1) } : undefined;
}

const USERID = /^([^\s:/]+)@([A-Za-z][A-Za-z0-9.\-_]+)$/;

/** What is wrong with a user id, or undefined. */
export function userIdProblem(userid: string): string | undefined {
  if (userid.length < 3) return `user name '${userid}' is too short`;
  if (userid.length > 64) return `user name '${userid}' is too long (${userid.length} > 64)`;
  const realm = USERID.exec(userid)?.[2];
  if (realm === undefined || realm.length > 32) return `value '${userid}' does not look like a valid user name`;
  return undefined;
}

/** The realm of a well-formed user id. */
export function realmOf(userid: string): string {
  return userid.slice(userid.lastIndexOf('@') + 1);
}

/**
 * The id under which the file keeps a user: every character beyond ASCII is damaged in storing,
 * so that the user can no longer be reached by the name it was created with.
 */
export function storedUserId(userid: string): string {
  return userid.replace(/[^\0-\u007f]/gu, '\ufffd');
}

/** What a group line keeps of a member's id: it is a list parted by commas and semicolons. */
export function storedMembers(userid: string): string[] {
  return userid.split(/[,;]/).filter((part) => userIdProblem(part) === undefined);
}

/** The parts of a list parameter. */
export function splitList(list: string): string[] {
  return list.split(/[,;\s\0]+/).filter((part) => part !== '');
}
