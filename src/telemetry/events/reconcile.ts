/** Events of reconcile. Codes are an interface: alerts match on them. */
export const reconcileEvents = {} as const;
