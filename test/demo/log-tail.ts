import type { Lab } from '../lab/lab.js';

const LINES = 12;
const LONGEST = 200;

/** Gives, at each call, the end of what the daemon logged since the last one: time, event, and what it says besides. */
export function followLog(lab: Lab): () => string[] {
  let told = 0;
  return () => {
    const lines = lab.log().trim().split('\n').filter(Boolean);
    const fresh = lines.slice(told);
    told = lines.length;
    return fresh.slice(-LINES).map(shortened);
  };
}

function shortened(line: string): string {
  if (!line.startsWith('{')) return line.slice(0, LONGEST);
  try {
    const { time, event, level: _, msg: __, ...fields } = JSON.parse(line);
    return `${String(time).slice(11, 23)} ${event} ${JSON.stringify(fields)}`.slice(0, LONGEST);
  } catch (error) {
    // The last line may be half written.
    if (error instanceof SyntaxError) return line.slice(0, LONGEST);
    throw error;
  }
}
