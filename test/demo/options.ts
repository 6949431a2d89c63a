import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** One JSON object on standard output, everything else on standard error. */
  json: boolean;
  /** Leave everything running until a signal comes. */
  keep: boolean;
  /** The simulated account agent, also where a private root could be made. */
  simulated: boolean;
  help: boolean;
}

export const USAGE = `npm run demo [-- OPTIONS]

  --json        one JSON object on stdout; the timeline goes to stderr
  --keep        leave it running afterwards, to look at
  --simulated   a simulated account agent instead of a private root`;

/** Reads the command line. Throws with words for the person who typed it. */
export function parseOptions(args: string[]): DemoOptions {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ args, options: { json: flag, keep: flag, simulated: flag, help: flag } });
  return values;
}
