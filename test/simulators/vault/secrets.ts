/** One version of a secret, as KV version 2 keeps it. */
interface Version {
  data: Record<string, unknown> | null;
  createdTime: string;
  deletionTime: string;
  destroyed: boolean;
}

export interface VersionView {
  data: Record<string, unknown> | null;
  metadata: {
    created_time: string;
    custom_metadata: null;
    deletion_time: string;
    destroyed: boolean;
    version: number;
  };
}

/** The versions of one secret. */
export interface SecretHistory {
  readonly current: number;
  /** undefined: there never was, or is no longer, such a version. */
  view(version?: number): VersionView | undefined;
  write(data: Record<string, unknown>): VersionView;
  delete(versions: readonly number[]): void;
  undelete(versions: readonly number[]): void;
  destroy(versions: readonly number[]): void;
  metadata(): object;
}

/** Older ones fall out, as with Vault's default of max_versions. */
const MAX_VERSIONS = 10;

export function createSecretHistory(casRequired: boolean): SecretHistory {
  const versions = new Map<number, Version>();
  const createdTime = new Date().toISOString();
  let current = 0;

  function view(version = current): VersionView | undefined {
    const found = versions.get(version);
    if (!found) return undefined;
    return {
      data: found.deletionTime !== '' || found.destroyed ? null : found.data,
      metadata: {
        created_time: found.createdTime,
        custom_metadata: null,
        deletion_time: found.deletionTime,
        destroyed: found.destroyed,
        version,
      },
    };
  }

  function change(numbers: readonly number[], how: (version: Version) => void): void {
    for (const number of numbers) {
      const found = versions.get(number);
      if (found) how(found);
    }
  }

  return {
    get current() {
      return current;
    },
    view,
    write(data) {
      current += 1;
      versions.set(current, { data, createdTime: new Date().toISOString(), deletionTime: '', destroyed: false });
      versions.delete(current - MAX_VERSIONS);
      return view() as VersionView;
    },
    delete: (numbers) =>
      change(numbers, (version) => {
        if (!version.destroyed) version.deletionTime = new Date().toISOString();
      }),
    undelete: (numbers) =>
      change(numbers, (version) => {
        if (!version.destroyed) version.deletionTime = '';
      }),
    destroy: (numbers) =>
      change(numbers, (version) => {
        version.destroyed = true;
        version.data = null;
      }),
    metadata: () => ({
      cas_required: casRequired,
      created_time: createdTime,
      current_version: current,
      custom_metadata: null,
      delete_version_after: '0s',
      max_versions: 0,
      oldest_version: Math.min(...versions.keys()),
      updated_time: new Date().toISOString(),
      versions: Object.fromEntries(
        [...versions].map(([number, { createdTime: created_time, deletionTime, destroyed }]) => [
          String(number),
          { created_time, deletion_time: deletionTime, destroyed },
        ]),
      ),
    }),
  };
}
