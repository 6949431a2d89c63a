import { runTool, type ToolEnd } from '../run-tool.js';

/** Runs a script with Debian's Python, which is where Debian's modules are. */
export function runPython(script: string, input: string): Promise<ToolEnd> {
  return runTool(['/usr/bin/python3', '-W', 'ignore', '-c', script], input);
}
