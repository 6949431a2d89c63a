/** Without what would move a terminal: Proxmox takes control characters in names and settings. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\s]/gu, '?');
}
