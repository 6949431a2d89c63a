/** Events of linux. Codes are an interface: alerts match on them. */
export const linuxEvents = {} as const;
