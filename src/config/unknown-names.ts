import { aliases } from './aliases.js';
import type { Source } from './given.js';
import { nearestName } from './near-name.js';
import type { Notice } from './notice.js';
import { describeOrigin } from './origin.js';
import { isSettingName, secretNames, settingNames } from './schema/index.js';

const fileNames = secretNames.map((name) => `${name}_FILE`);
const known = [...settingNames, ...fileNames];
/** In the environment, which holds the names of many programs, only these beginnings are surely meant for us. */
const OURS = /^(?:ENTRA|ENTR|ENTRAMOX|GUARD|SUBSCRIPTION)_/;

/** A notice for each name that nobody reads, with the name that was probably meant. */
export function unknownNames(environment: Source, file: Source): Notice[] {
  const fromEnvironment = [...environment.values()].filter(({ name }) => OURS.test(name));
  return [...file.values(), ...fromEnvironment]
    .filter(({ name }) => !isKnown(name))
    .map(({ name, origin }) => {
      const near = nearestName(name, known);
      const hint = near ? ` Did you mean ${near}?` : '';
      return {
        kind: 'unknown',
        key: name,
        text: `${name} (${describeOrigin(origin)}) is no setting and is ignored.${hint}`,
      };
    });
}

function isKnown(name: string): boolean {
  return isSettingName(name) || fileNames.includes(name) || Object.hasOwn(aliases, name);
}
