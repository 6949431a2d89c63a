/** Events of lakeFS. Codes are an interface: alerts match on them. */
export const lakefsEvents = {
  'lakefs.call.retried': { level: 'warn', text: 'a call to lakeFS is tried again' },
  'lakefs.call.failed': { level: 'debug', text: 'a call to lakeFS failed' },
} as const;
