/** How messages call what an operator set to reach a server, and what mends it. */
export interface WayNames {
  product: 'Proxmox VE' | 'Proxmox Backup Server';
  /** The setting or option of its address, and an address as it should look. */
  address: string;
  example: string;
  /** The setting or option of the authority, what it should hold, and how a certificate is made anew. */
  authority: string;
  authorityIs: string;
  renew: string;
}

export const PVE_NAMES: WayNames = {
  product: 'Proxmox VE',
  address: 'PVE_API_URL',
  example: 'https://pve1.example.com:8006',
  authority: 'PVE_CA_FILE',
  authorityIs: 'a copy of /etc/pve/pve-root-ca.pem',
  renew: 'pvecm updatecerts --force',
};

export const PBS_NAMES: WayNames = {
  product: 'Proxmox Backup Server',
  address: '--pbs',
  example: 'https://pbs1.example.com:8007',
  authority: '--pbs-ca-file',
  authorityIs: 'its root certificate, or a copy of /etc/proxmox-backup/proxy.pem where it signed itself',
  renew: 'proxmox-backup-manager cert update --force',
};
