import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** The homes of simulated accounts: folders beside the state file. */
export interface Homes {
  create(name: string): void;
  /** Where the home went; null where there was none. */
  archive(name: string, uid: number): string | null;
}

/** Homes in `dir/homes`, archives in `dir/archive`. */
export function homesIn(dir: string): Homes {
  return {
    create: (name) => void mkdirSync(join(dir, 'homes', name), { recursive: true, mode: 0o700 }),
    archive(name, uid) {
      const home = join(dir, 'homes', name);
      if (!existsSync(home)) return null;
      mkdirSync(join(dir, 'archive'), { recursive: true, mode: 0o700 });
      const archive = join(dir, 'archive', `${name}-${uid}-${Date.now()}`);
      renameSync(home, archive);
      return archive;
    },
  };
}
