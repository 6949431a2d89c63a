import { rename } from 'node:fs/promises';
import { messageOf } from '../domain/errors.js';
import { emptyDocument, type LedgerDocument } from './document.js';
import { readIfThere } from './ledger.js';
import { parseLedger } from './schema.js';

/** The best copy of a ledger that there is. */
export interface Recovered {
  document: LedgerDocument;
  /** `ledger`: it is well; `previous`: the last good copy; `nothing`: an empty one. */
  from: 'ledger' | 'previous' | 'nothing';
  /** What is wrong with what was passed over, in words. */
  faults: string[];
}

/** Looks at the ledger and at its last good copy, and changes nothing. Throws LedgerBroken where a file cannot be read. */
export async function recoverLedger(path: string): Promise<Recovered> {
  const faults: string[] = [];
  for (const [file, from] of [[path, 'ledger'] as const, [`${path}.prev`, 'previous'] as const]) {
    const text = await readIfThere(file);
    try {
      if (text !== undefined) return { document: parseLedger(text), from, faults };
      faults.push(`${file} is missing`);
    } catch (error) {
      faults.push(`${file} cannot be used: ${messageOf(error)}`);
    }
  }
  return { document: emptyDocument(), from: 'nothing', faults };
}

/**
 * Moves a file that cannot be used out of the way, to `<path>.broken-<time>`, so that it neither takes the place of the
 * last good copy nor is lost. Gives back where it is now; undefined where there was none.
 */
export async function setAside(path: string, now: number): Promise<string | undefined> {
  const place = `${path}.broken-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  try {
    await rename(path, place);
    return place;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
