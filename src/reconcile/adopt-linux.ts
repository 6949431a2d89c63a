import type { LinuxAccount, Sight } from '../domain/sight.js';
import { unixNameOf } from '../domain/unix-name.js';
import type { Found, Subject } from './adoption-part.js';
import type { Context } from './context.js';

/** What stands on this host for somebody. `unixName`: the name of the account, where the rule would give another one. */
export async function findLinux(
  ctx: Context,
  { oid, entry, attributes }: Subject,
  unixName: string | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const mapped = unixNameOf(attributes.upn, ctx.policy.username);
  const name = unixName ?? entry.names.linux ?? (mapped.ok ? mapped.name : '');
  const sight: Sight<LinuxAccount> | undefined = (await ctx.targets.linux?.observe([{ oid, name }], signal))?.get(oid);
  const part: Found = { target: 'linux', name, standing: 'none', facts: [], steps: [], next: [], done: false };
  const isReleased = entry.released?.linux !== undefined;
  switch (sight?.certainty) {
    case 'present':
      if (unixName !== undefined && unixName !== sight.value.name) {
        return { ...part, standing: 'refused', why: `${entry.upn} has the account ${sight.value.name} already` };
      }
      return {
        ...part,
        name: sight.value.name,
        linux: sight.value,
        facts: [`uid ${sight.value.uid}, name "${sight.value.gecos}"`],
        ...(isReleased
          ? { standing: 'adoptable', steps: [`linux take back ${sight.value.name}`] }
          : { standing: 'managed' }),
      };
    case 'foreign': {
      const { adoptable, obstacle, released, facts = [], what, remedy } = sight;
      if (released) {
        const steps = [`linux take back ${name}`];
        return { ...part, standing: 'adoptable', byRoot: true, facts: [what], steps };
      }
      if (!adoptable) return { ...part, standing: 'refused', why: what, remedy };
      if (obstacle !== undefined) return { ...part, standing: 'refused', facts, why: obstacle };
      const steps = [`linux hand over ${name}`];
      return { ...part, standing: 'adoptable', byRoot: true, linux: adoptable, facts, steps };
    }
    case 'absent':
      if (!isReleased) return { ...part, why: `this host has no account ${name}` };
      return { ...part, standing: 'adoptable', steps: [`linux look after ${name} again`] };
    default:
      return { ...part, standing: 'refused', why: `${name} cannot be seen on this host: ${sight?.why ?? 'no answer'}` };
  }
}
