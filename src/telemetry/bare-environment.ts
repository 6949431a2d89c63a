/**
 * What a child process of ours gets for an environment: where Debian's programs are, and no word of ours. Our own
 * environment may hold secrets, and /proc shows a child's to whoever may look at the child.
 */
export const BARE_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C.UTF-8',
};
