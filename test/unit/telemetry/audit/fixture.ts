import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditOptions, openAudit } from '../../../../src/telemetry/audit/open.js';
import { type Verification, type VerifyOptions, verifyAudit } from '../../../../src/telemetry/audit/verify.js';
import type { Audit, AuditRecord } from '../../../../src/telemetry/audit.js';
import { ALICE, NOW } from '../../domain/builders.js';

/** An audit log in a folder of its own. */
export interface Place {
  dir: string;
  path: string;
  headPath: string;
  open(options?: Partial<AuditOptions>): Audit;
  /** Opens, appends a step for each action, flushes, closes. */
  tell(...actions: string[]): void;
  verify(options?: Partial<VerifyOptions>): Promise<Verification>;
  /** The lines of a file, without their ends. */
  lines(file?: string): string[];
  setLines(lines: readonly string[], file?: string): void;
  /** What every finding says. */
  findings(options?: Partial<VerifyOptions>): Promise<string[]>;
  remove(): void;
}

export function step(action: string, more: Partial<AuditRecord> = {}): AuditRecord {
  return { kind: 'step', by: 'sweep', action, oid: ALICE, target: 'linux', name: 'alice', outcome: 'done', ...more };
}

export function createPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'entramox-chain-'));
  const path = join(dir, 'log', 'audit.ndjson');
  const headPath = join(dir, 'state', 'audit.head');
  const place: Place = {
    dir,
    path,
    headPath,
    open: (options) => openAudit(path, () => NOW, { headPath, ...options }),
    tell(...actions) {
      const audit = place.open();
      for (const action of actions) audit.append(step(action));
      audit.close();
    },
    verify: (options) => verifyAudit(path, { headPath, ...options }),
    lines: (file = path) => readFileSync(file, 'utf8').split('\n').slice(0, -1),
    setLines: (lines, file = path) => writeFileSync(file, lines.map((line) => `${line}\n`).join('')),
    findings: async (options) => (await place.verify(options)).findings.map(({ what }) => what),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  return place;
}
