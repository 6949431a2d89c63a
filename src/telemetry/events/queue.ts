/** Events of queue. Codes are an interface: alerts match on them. */
export const queueEvents = {} as const;
