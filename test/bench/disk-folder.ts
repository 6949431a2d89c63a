import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface DiskFolder {
  path: string;
  /** `ext4`, `xfs`, …, or the number of the kind in statfs(2). */
  fileSystem: string;
  remove(): void;
}

/** Kinds of statfs(2) that keep nothing on a disk, and the common ones that do. */
const MEMORY = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);
const DISK = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0x794c7630, 'overlay'],
]);

/** A new folder that is on a disk, where one of the usual places is: an fsync in memory would measure nothing. */
export function diskFolder(): DiskFolder {
  const places = [tmpdir(), '/var/tmp', process.cwd()];
  const place = places.find((candidate) => !MEMORY.has(statfsSync(candidate).type)) ?? tmpdir();
  const { type } = statfsSync(place);
  const path = mkdtempSync(join(place, 'entramox-bench-'));
  return {
    path,
    fileSystem: MEMORY.get(type) ?? DISK.get(type) ?? `0x${type.toString(16)}`,
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
