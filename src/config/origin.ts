/** Where a value came from. `name` is the name as written, which may be an old one. */
export type Origin =
  | { kind: 'environment'; name: string }
  | { kind: 'file'; name: string; file: string; line: number }
  /** The value stands in a file that `named` names. */
  | { kind: 'secret-file'; name: string; file: string; named: Origin }
  | { kind: 'credential'; name: string; file: string }
  /** Not set: it follows from these other settings. */
  | { kind: 'derived'; from: string }
  | { kind: 'default' }
  | { kind: 'unset' };

/** The origin on one line, as `config show` prints it: `/etc/entramox/entramox.env:12`. */
export function describeOrigin(origin: Origin, canonical?: string): string {
  const as = 'name' in origin && canonical !== undefined && origin.name !== canonical ? ` as ${origin.name}` : '';
  switch (origin.kind) {
    case 'environment':
      return `environment${as}`;
    case 'file':
      return `${origin.file}:${origin.line}${as}`;
    case 'secret-file':
      return `file ${origin.file}, named by ${origin.name} (${describeOrigin(origin.named)})`;
    case 'credential':
      return `systemd credential ${origin.name}`;
    case 'derived':
      return `from ${origin.from}`;
    case 'default':
      return 'default';
    case 'unset':
      return 'not set';
  }
}
