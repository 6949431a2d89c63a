import { z } from 'zod';
import { Rejected } from '../../../../../domain/errors.js';
import { redactText } from '../../../../../telemetry/redact.js';
import { excerpt } from '../../../text.js';
import type { VaultAnswer } from './http.js';

const errorBody = z.object({ errors: z.array(z.string()) });

/** Vault's own words; empty: it said none. */
export function wordsOf({ body }: VaultAnswer): string {
  const read = errorBody.safeParse(body);
  return read.success ? excerpt(redactText(read.data.errors.join('; ')), []) : '';
}

/** What an answer that is none of the expected ones means, and what to do (Vault: HTTP API, "HTTP Status Codes"). */
export function refusalOf(what: string, address: string, answer: VaultAnswer): Rejected {
  const words = wordsOf(answer);
  const said = words ? ` (${words})` : '';
  return new Rejected(`the vault at ${address} ${meaningOf(answer, what)}${said}`);
}

function meaningOf({ status, location }: VaultAnswer, what: string): string {
  switch (status) {
    case 400:
      return `finds the request wrong: ${what}`;
    case 403:
      return `refuses: ${what}; look at the policy, and whether the login has ended`;
    case 404:
      return `has nothing there: ${what}; look at the mount`;
    case 412:
    case 429:
      return `asks for patience: ${what}; run it again`;
    case 472:
    case 473:
      return `is a standby that answers nothing itself: ${what}; name the active one`;
    case 503:
      return `is sealed or in maintenance: ${what}; unseal it, and run it again`;
    default:
      if (status >= 300 && status < 400) {
        return `points elsewhere${hostIn(location)}: ${what}; name the active one, since no secret follows a redirect`;
      }
      return `answers with ${status}: ${what}`;
  }
}

function hostIn(location: string | undefined): string {
  return location !== undefined && URL.canParse(location) ? ` (${new URL(location).host})` : '';
}
