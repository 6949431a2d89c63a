import type { Command } from 'commander';

/** Adds a verb with the options that all have (`--config`, `--json`); below `parent`, else below the program. */
export type AddVerb = (usage: string, text: string, parent?: Command) => Command;
