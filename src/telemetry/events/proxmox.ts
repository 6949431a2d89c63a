/** Events of proxmox. Codes are an interface: alerts match on them. */
export const proxmoxEvents = {} as const;
