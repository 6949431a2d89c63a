// `npm run demo`: a day in the life of a company, played against the built program, seen in the targets themselves.
import { Interrupted, unlessInterrupted, watchInterrupts } from './interrupts.js';
import { keepRunning } from './keep.js';
import { followLog } from './log-tail.js';
import { type DemoOptions, parseOptions, USAGE } from './options.js';
import { observedIn, playStep, type StepResult } from './play.js';
import { createScreen, type Screen } from './screen.js';
import { scriptOf } from './script.js';
import { sideBySide } from './side-by-side.js';
import { hasEnded, openStage, SHORTER, type Stage, untilReady } from './stage.js';

const STEP_DEADLINE_MS = 20_000;

async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === 'number') return options;
  const signal = watchInterrupts();
  const screen = createScreen(options.json ? process.stderr : process.stdout);
  const results: StepResult[] = [];
  let stage: Stage | undefined;
  let code = 1;
  try {
    stage = await openStage(options.simulated);
    code = (await play(stage, screen, signal, results)) ? 0 : 1;
    if (options.keep) await keepRunning(stage, screen, signal);
  } catch (error) {
    code = error instanceof Interrupted ? error.exitCode : 1;
    screen.verdict(false, error instanceof Error ? `Stopped: ${error.message}` : `Stopped: ${error}`);
    if (stage && code === 1) for (const line of followLog(stage.lab)()) screen.line(`  ${line}`);
  }
  try {
    if (options.keep || signal.aborted) screen.line('Putting everything away.');
    await stage?.close();
  } catch (error) {
    code ||= 1;
    screen.verdict(false, `Not everything could be put away: ${error instanceof Error ? error.message : error}`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(summary(code === 0, stage, results))}\n`);
  return code;
}

function readOptions(args: string[]): DemoOptions | number {
  try {
    const options = parseOptions(args);
    if (!options.help) return options;
    process.stdout.write(`${USAGE}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}\n`);
    return 2;
  }
}

/** Whether every step was seen. */
async function play(stage: Stage, screen: Screen, signal: AbortSignal, results: StepResult[]): Promise<boolean> {
  const start = performance.now();
  const { lab, machine } = stage;
  screen.heading('Entramox: one leaver, locked within seconds');
  screen.facts([
    ['Entra', `simulated Entra ID and Graph, ${lab.entra.loginUrl}`],
    ['Linux', machine.label],
    ['', `seen in ${machine.witness}`],
    ['Proxmox', `simulated Proxmox VE, ${lab.proxmox.url}`],
    ['', 'seen in its users, an open session and an API token'],
    ['lakeFS', `simulated lakeFS, ${stage.lakefs.url}; seen in the members of its group`],
    ...shorterSettings(),
  ]);
  await unlessInterrupted(untilReady(stage, signal), signal);
  const ready = ((performance.now() - start) / 1000).toFixed(1);
  screen.line(`  ${'Ready'.padEnd(10)}after ${ready} s: subscriptions live; bob and carol were there before`);
  const log = followLog(lab);
  const options = { deadlineMs: STEP_DEADLINE_MS, signal, isHopeless: () => hasEnded(stage) };
  for (const [index, step] of scriptOf(stage, signal).entries()) {
    screen.begin(index + 1, step);
    const result = await playStep(step, options);
    results.push(result);
    screen.end(result, log);
  }
  screen.line();
  screen.line(await sideBySide(stage));
  const seen = results.filter(({ ok }) => ok).length;
  const ok = seen === results.length;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const where = machine.host.kind === 'private root' ? 'in a private root' : 'with a SIMULATED account agent';
  screen.verdict(ok, `${seen} of ${results.length} steps were observed in the targets, ${where}. ${seconds} s.`);
  return ok;
}

function shorterSettings(): [string, string][] {
  return Object.entries(SHORTER).map(([name, { seconds, usual, meaning }], index) => [
    index === 0 ? 'Settings' : '',
    `${name}=${seconds}s instead of ${usual}: ${meaning}`,
  ]);
}

function summary(ok: boolean, stage: Stage | undefined, results: readonly StepResult[]): unknown {
  const steps = results.map((result) => {
    const { name, ok, seconds } = result;
    return { name, ok, seconds: Number(seconds.toFixed(3)), observed: observedIn(result) };
  });
  return { ok, linux: stage?.machine.host.kind ?? 'none', steps };
}

process.exitCode = await main(process.argv.slice(2));
