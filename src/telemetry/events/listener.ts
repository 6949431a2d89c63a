/** Events of listener. Codes are an interface: alerts match on them. */
export const listenerEvents = {} as const;
