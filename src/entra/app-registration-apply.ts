import { z } from 'zod';
import type { Clock } from '../domain/clock.js';
import { messageOf, Rejected } from '../domain/errors.js';
import { registerSecret } from '../telemetry/redact.js';
import { type RegistrationIds, type RegistrationStep, requestOf } from './app-registration-steps.js';
import type { GraphClient } from './graph-client.js';
import { GraphError } from './graph-errors.js';

/** What became of one step. `forbidden`: Graph says that this credential may not. */
export type RegistrationResult =
  | { step: RegistrationStep; result: 'done' }
  | { step: RegistrationStep; result: 'failed' | 'forbidden' | 'left'; error: string };

export interface RegistrationPorts {
  graph: Pick<GraphClient, 'post' | 'patch'>;
  clock: Clock;
  /** Where a new secret goes: proves first that it can take one, and gives back only what was read back. */
  sink: { probe(): Promise<void>; store(secret: string): Promise<void> };
  /** Runs a write between its two records. */
  around: <T>(step: RegistrationStep, work: () => Promise<T>) => Promise<T>;
}

const created = z.object({ id: z.string(), appId: z.string().optional() });
const password = z.object({ keyId: z.string(), secretText: z.string().min(1) });

/** A new application is not known everywhere at once; Microsoft names no time, minutes are reported. */
const NOT_YET = { tries: 12, waitMs: 5_000 } as const;

/**
 * Does the steps in their order and knows afterwards which objects there are. A step that fails ends the matter, since
 * the later ones stand on it; one that this credential may not do does so only where later ones need what it makes.
 * Throws only what the signal brings.
 */
export async function applyRegistration(
  steps: readonly RegistrationStep[],
  known: RegistrationIds,
  ports: RegistrationPorts,
  signal: AbortSignal,
): Promise<{ results: RegistrationResult[]; ids: RegistrationIds }> {
  const ids: RegistrationIds = { ...known };
  const results: RegistrationResult[] = [];
  let broken: string | undefined;
  let unassigned: string | undefined;
  for (const step of steps) {
    // Who could not be assigned would be locked out by the requirement of it.
    const hindrance = broken ?? (step.do === 'principal.change' ? unassigned : undefined);
    if (hindrance !== undefined) {
      results.push({ step, result: 'left', error: hindrance });
      continue;
    }
    try {
      await ports.around(step, () => perform(step, ids, ports, signal));
      results.push({ step, result: 'done' });
    } catch (error) {
      signal.throwIfAborted();
      const isForbidden = error instanceof GraphError && error.status === 403;
      results.push({ step, result: isForbidden ? 'forbidden' : 'failed', error: messageOf(error) });
      // Assignments take a permission of their own, and nothing else stands on them.
      if (step.do === 'assignment.add') unassigned = `after: ${messageOf(error)}`;
      else broken = `after: ${messageOf(error)}`;
    }
  }
  return { results, ids };
}

async function perform(
  step: RegistrationStep,
  ids: RegistrationIds,
  ports: RegistrationPorts,
  signal: AbortSignal,
): Promise<void> {
  const { graph } = ports;
  switch (step.do) {
    case 'app.create': {
      const app = await graph.post(...wordsOf(step, ids), created, { signal });
      ids.app = app.id;
      ids.clientId = app.appId;
      return;
    }
    case 'principal.create': {
      const principal = await soon(ports.clock, signal, () => graph.post(...wordsOf(step, ids), created, { signal }));
      ids.principal = principal.id;
      return;
    }
    case 'app.change':
    case 'principal.change':
      await soon(ports.clock, signal, () => graph.patch(...wordsOf(step, ids), z.unknown(), { signal }));
      return;
    case 'assignment.add':
      await soon(ports.clock, signal, () => graph.post(...wordsOf(step, ids), z.unknown(), { signal }));
      return;
    case 'secret.add':
      await addSecret(step, ids, ports, signal);
      return;
    case 'secret.remove':
      await graph.post(...wordsOf(step, ids), z.unknown(), { signal });
      return;
    default:
      step satisfies never;
  }
}

/** Graph shows a secret once: what cannot be stored and read back is taken away again. */
async function addSecret(
  step: Extract<RegistrationStep, { do: 'secret.add' }>,
  ids: RegistrationIds,
  { graph, clock, sink }: RegistrationPorts,
  signal: AbortSignal,
): Promise<void> {
  await sink.probe();
  const { keyId, secretText } = await soon(clock, signal, () =>
    graph.post(...wordsOf(step, ids), password, { signal }),
  );
  registerSecret(secretText);
  try {
    await sink.store(secretText);
  } catch (error) {
    const removal = requestOf({ do: 'secret.remove', keyId, hint: '', endsAt: step.endsAt }, ids);
    const after = await graph.post(removal.path, removal.body, z.unknown()).then(
      () => 'the new secret was removed again',
      (second: unknown) => `and the new secret (key id ${keyId}) could not be removed again: ${messageOf(second)}`,
    );
    throw new Rejected(`${messageOf(error)}; ${after}`);
  }
}

function wordsOf(step: RegistrationStep, ids: RegistrationIds): [path: string, body: unknown] {
  const { path, body } = requestOf(step, ids);
  return [path, body];
}

/** Tries again for a minute while Graph does not know yet what it has just made. */
async function soon<T>(clock: Clock, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (tries >= NOT_YET.tries || !(error instanceof GraphError) || !isUnknownYet(error)) throw error;
      await clock.sleep(NOT_YET.waitMs, signal);
    }
  }
}

function isUnknownYet({ status, graphMessage }: GraphError): boolean {
  return (
    status === 404 ||
    (status === 400 && /does not reference a valid application|was not found on application/i.test(graphMessage))
  );
}
