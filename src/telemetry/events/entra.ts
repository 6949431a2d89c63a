/** Events of entra. Codes are an interface: alerts match on them. */
export const entraEvents = {} as const;
