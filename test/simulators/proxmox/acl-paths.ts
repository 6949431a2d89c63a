const PATHS: readonly RegExp[] = [
  /^\/$/,
  /^\/access$/,
  /^\/access\/groups(\/[A-Za-z0-9.\-_]+)?$/,
  /^\/access\/realm(\/[A-Za-z0-9.\-_]+)?$/,
  /^\/nodes(\/[A-Za-z0-9.-]+)?$/,
  /^\/pool(\/[A-Za-z0-9.\-_]+){0,3}$/,
  /^\/sdn$/,
  /^\/sdn\/(controllers|dns|ipams|fabrics)(\/[A-Za-z0-9.\-_]+)?$/,
  /^\/sdn\/zones(\/[A-Za-z0-9.\-_]+){0,3}$/,
  /^\/storage(\/[A-Za-z0-9.\-_]+)?$/,
  /^\/vms(\/[1-9][0-9]{2,})?$/,
  /^\/mapping(\/(dir|hwrng|pci|usb)(\/[A-Za-z0-9.\-_]+)?)?$/,
];

/** `vms//101/` to `/vms/101`; undefined where it holds characters that no path may have. */
export function normalizePath(path: string): string | undefined {
  const tidy = `/${path}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  return /^[A-Za-z0-9.\-_/]+$/.test(tidy) ? tidy : undefined;
}

/** Whether an ACL entry may be put on the (normalised) path; what it points to need not exist. */
export function isKnownPath(path: string): boolean {
  return PATHS.some((pattern) => pattern.test(path));
}
