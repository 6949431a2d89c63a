/** What lakeFS's answer means, as far as it tells. */
export type LakefsErrorKind =
  /** 501 to a call about groups: this lakeFS has one user and no groups. */
  | 'no-rbac'
  /** 501 to a call about policies: access control is simplified, groups have ACLs. */
  | 'no-policies'
  /** 501 to a call about ACLs: there are policies instead. */
  | 'no-acls'
  /** 501 to an invitation. */
  | 'no-inviter'
  /** 401: the key is wrong, or its user lacks a permission. lakeFS does not say which. */
  | 'refused'
  | 'not-found'
  /** The group is there and has no ACL yet. */
  | 'no-acl-yet'
  | 'exists'
  | 'bad-request'
  | 'other';

/** lakeFS answered with an error. The message names the call, the answer and the remedy, and holds no secret. */
export class LakefsError extends Error {
  override readonly name = 'LakefsError';
  constructor(
    message: string,
    readonly status: number,
    /** lakeFS's own text, on one line. */
    readonly text: string,
    readonly kind: LakefsErrorKind,
  ) {
    super(message);
  }
}

/** What a call is about; decides what a 501 means. */
export type Subject = 'groups' | 'policies' | 'acls' | 'users';

export interface ErrorReply {
  status: number;
  text: string;
  /** The body said `no_acl: true`. */
  noAcl: boolean;
  /** `PUT /auth/groups/LakeFSProjectX/members/…` */
  call: string;
  host: string;
  accessKeyId: string;
  subject: Subject;
  /** What lakeFS asks of us for this call, `auth:CreateGroup`. */
  permission: string;
}

/** The typed error of an answer that is no success. */
export function errorOf(reply: ErrorReply): LakefsError {
  const kind = kindOf(reply);
  const said = reply.text ? `${reply.status} ${reply.text}` : `${reply.status}`;
  const message = `lakeFS at ${reply.host} answered ${reply.call} with "${said}": ${remedyOf(kind, reply)}`;
  return new LakefsError(message, reply.status, reply.text, kind);
}

const MISSING: Readonly<Record<Subject, LakefsErrorKind>> = {
  groups: 'no-rbac',
  policies: 'no-policies',
  acls: 'no-acls',
  users: 'no-inviter',
};

function kindOf({ status, noAcl, subject }: ErrorReply): LakefsErrorKind {
  if (status === 501) return MISSING[subject];
  // lakeFS says 401 for a missing permission as well; a 403 is some proxy's.
  if (status === 401 || status === 403) return 'refused';
  if (status === 404) return noAcl ? 'no-acl-yet' : 'not-found';
  if (status === 409) return 'exists';
  return status === 400 || status === 422 ? 'bad-request' : 'other';
}

function remedyOf(kind: LakefsErrorKind, { status, host, accessKeyId, permission }: ErrorReply): string {
  switch (kind) {
    case 'no-rbac':
      return 'this lakeFS has no RBAC: groups and policies need lakeFS Cloud, lakeFS Enterprise or an ACL server';
    case 'no-policies':
      return 'its access control is simplified (ui_config.rbac), so groups have ACLs and no policies';
    case 'no-acls':
      return 'its access control has policies and no ACLs';
    case 'no-inviter':
      return 'this lakeFS cannot invite people; set LAKEFS_MISSING_USERS to pending or create';
    case 'refused':
      return `either the credentials are wrong (LAKEFS_ACCESS_KEY_ID ${accessKeyId} and its secret), or their user lacks the permission ${permission}; lakeFS does not say which`;
    case 'not-found':
      return 'it is gone, or was never there; the next pass looks again';
    case 'no-acl-yet':
      return 'the group has no ACL yet';
    case 'exists':
      return 'something of that name was there already; the next pass looks again';
    case 'bad-request':
      return 'a value breaks a rule of lakeFS; correct it at its source';
    case 'other':
      return status >= 300 && status < 400
        ? `a redirect is never followed; is LAKEFS_ENDPOINT right? It points to ${host}`
        : `look at the log of lakeFS on ${host}`;
    default:
      return kind satisfies never;
  }
}
