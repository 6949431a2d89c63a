/** A release of Proxmox VE, as far as the access API differs between them. */
export interface Release {
  /** `9.1.4`, as GET /version tells it. */
  readonly version: string;
  /** Whether it is this release or a later one. */
  atLeast(release: string): boolean;
}

/** What GET /version tells for a release that is named by its two numbers. */
const LAST_OF: Readonly<Record<string, string>> = { '8.3': '8.3.5', '8.4': '8.4.14', '9.0': '9.0.11', '9.1': '9.1.4' };

/** `8.3`, `8.4`, `9.1`, or any full version. */
export function releaseOf(named: string): Release {
  const version = LAST_OF[named] ?? named;
  const [major, minor] = numbersOf(version);
  return {
    version,
    atLeast(release) {
      const [wantedMajor, wantedMinor] = numbersOf(release);
      return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
    },
  };
}

function numbersOf(text: string): [major: number, minor: number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  if (major === undefined || minor === undefined) throw new Error(`${text} is no version of Proxmox VE`);
  return [Number(major), Number(minor)];
}
