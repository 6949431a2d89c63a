import { redactText } from '../telemetry/redact.js';

/** One thing that is wrong in the configuration, told so that an operator can mend it without reading code. */
export interface Problem {
  /** The setting's name, or `FILE:LINE` for a line that cannot be read. */
  key: string;
  /** What was found; secrets are masked, and `not set` stands for nothing at all. */
  value: string;
  expected: string;
  /** A line that would be accepted, or the command that mends it. */
  example: string;
  /** Where the value came from, in words; undefined where there is none. */
  origin?: string | undefined;
}

/** Wrong usage or configuration, as the exit codes of every command have it. */
export const EXIT_CONFIG = 2;

/** The configuration cannot be used. Carries every problem found, never only the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = EXIT_CONFIG;
  readonly problems: readonly Problem[];
  constructor(
    problems: readonly Problem[],
    /** What probably lies behind all of them. */
    readonly hint?: string | undefined,
    /** What is wrong, where it is not the configuration. */
    subject?: string | undefined,
  ) {
    // What is expected may quote what was found, and that may be a secret in the wrong place.
    const safe = problems.map((problem) => ({
      ...problem,
      value: redactText(problem.value),
      expected: redactText(problem.expected),
      example: redactText(problem.example),
    }));
    super([formatProblems(safe, subject), ...(hint ? [hint] : [])].join('\n'));
    this.problems = safe;
  }
}

/** The problems for a person, one block each. */
export function formatProblems(problems: readonly Problem[], subject = 'the configuration'): string {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return [`${count} in ${subject}:`, ...problems.map(formatProblem)].join('\n');
}

function formatProblem({ key, value, expected, example, origin }: Problem): string {
  return [
    `  ${key}: ${value}${origin ? `  (${origin})` : ''}`,
    `      expected: ${expected}`,
    `      example:  ${example}`,
  ].join('\n');
}
