import { ConfigError } from '../config/problem.js';
import { systemClock } from '../telemetry/system-clock.js';
import type { Check } from './doctor/check.js';
import { checksWithoutConfiguration } from './doctor/configuration.js';
import { examine } from './doctor/examine.js';
import { leaveSoon } from './doctor/leave.js';
import { renderChecks, shownCheck } from './doctor/render.js';
import { exitCodeOfChecks } from './doctor/verdict.js';
import type { ExitCode } from './exit-code.js';
import { colours, type Io } from './io.js';
import { type CommonOptions, equip } from './settings-of.js';

/**
 * Looks at everything the product rests on and says for each what it saw, why it matters and what mends it. Changes
 * nothing. Exit 0 all is fine, 1 something is wrong, 4 nothing is known to be wrong, but something gave no answer or
 * could not be looked at; 2 as everywhere where the configuration cannot be used, which is told as a check, too.
 */
export async function doctorCommand(options: CommonOptions, io: Io): Promise<ExitCode> {
  try {
    const { loaded, log, metrics } = equip('doctor', options, io);
    const checks = await examine({ loaded, log, metrics, clock: systemClock });
    show(checks, options, io);
    leaveSoon();
    return exitCodeOfChecks(checks);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // The problems go to standard error, as with every command.
    if (options.json) show(checksWithoutConfiguration(error), options, io);
    throw error;
  }
}

function show(checks: readonly Check[], { json }: CommonOptions, io: Io): void {
  if (json) io.out(JSON.stringify({ checks: checks.map(shownCheck) }));
  else for (const line of renderChecks(checks, colours(io))) io.out(line);
}
