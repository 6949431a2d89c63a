import { inspect } from 'node:util';
import { registerSecret } from '../../../telemetry/redact.js';

const SHOWN = '[client key]';

/** The client key of a realm, held so that no JSON, template or inspection shows it by mistake. */
export interface ClientKey {
  /** The key itself: for the call that sets it, and to compare. */
  reveal(): string;
  toJSON(): string;
}

/** Holds the key, and masks it from now on wherever something is logged, audited or shown. */
export function holdClientKey(text: string): ClientKey {
  registerSecret(text);
  const show = () => SHOWN;
  return Object.freeze({ reveal: () => text, toJSON: show, toString: show, [inspect.custom]: show });
}
