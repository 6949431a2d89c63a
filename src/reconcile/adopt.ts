import { desiredOf } from '../domain/desired.js';
import { baseGroup } from '../domain/entitlement.js';
import { Conflict, Rejected } from '../domain/errors.js';
import type { ObjectId } from '../domain/identity.js';
import { commentFor, ownerIn } from '../domain/proxmox-comment.js';
import { proxmoxNameOf } from '../domain/proxmox-name.js';
import type { ProxmoxUser, Sight } from '../domain/sight.js';
import { describeStep, type ProxmoxStep } from '../domain/step.js';
import { unixNameOf } from '../domain/unix-name.js';
import type { Context } from './context.js';
import { identify } from './resync.js';

export interface Adoption {
  oid: ObjectId;
  name: string;
  /** The Unix name that a Linux account of this identity would have; undefined where none can be made of its name. */
  unixName: string | undefined;
  /** What root has to run on a Proxmox node before, since our token may not write the user yet. */
  first?: string | undefined;
  /** What was, or would be, done; empty where the user is ours already. */
  steps: string[];
}

/**
 * Takes an existing Proxmox user of an identity in scope under management, by putting our ownership mark into its
 * comment. Throws Rejected where there is nothing to adopt or the identity is out of scope, Conflict where the user is
 * marked as somebody else's, or where it is to be written and is out of our token's reach.
 */
export async function adoptProxmox(
  ctx: Context,
  who: string,
  apply: boolean,
  signal: AbortSignal,
  claimedUser?: string | undefined,
): Promise<Adoption> {
  const proxmox = ctx.targets.proxmox;
  if (!proxmox && !ctx.policy.enforce) {
    throw new Rejected(
      'GRAPH_ENFORCE is false: the users of the Proxmox realm are only read, so there is none to adopt',
    );
  }
  if (!proxmox)
    throw new Rejected(
      'the proxmox target is not in use, so there is no Proxmox user to adopt; a Linux account is adopted by root: entramox accounts adopt',
    );
  const oid = await identify(ctx, who, signal);
  const [reading] = await ctx.directory.readIdentities([oid], signal);
  if (reading?.certainty !== 'present')
    throw new Rejected(`${who} cannot be read in the directory, so nothing is adopted`);
  const desired = desiredOf(reading, ctx.policy);
  if (desired.kind !== 'member') {
    const why = desired.kind === 'outsider' ? `out of scope: ${desired.reason}` : desired.why;
    throw new Rejected(`${who} is ${why}; only people in scope are looked after, so nothing is adopted`);
  }
  const mapped = proxmoxNameOf(reading.attributes.upn, ctx.policy.realm);
  if (!mapped.ok) throw new Rejected(mapped.why);
  const name = mapped.userid;
  const sight = (await proxmox.observe([{ oid, name }], signal)).get(oid);
  const unixName = unixNameFor(ctx, oid, reading.attributes.upn);
  const found = adoptableIn(sight, oid, name);
  if (!found) return { oid, name, unixName, steps: [] };
  const { adoptable, first } = found;
  const comment = commentFor(
    oid,
    { presence: 'active', entitlement: { sudo: false, linuxGroups: [], pveGroups: [] } },
    undefined,
  );
  const step: ProxmoxStep = {
    target: 'proxmox',
    action: 'update',
    effect: 'touch',
    oid,
    name,
    change: { comment },
    groups: [baseGroup(ctx.policy.realm)],
    append: true,
    before: adoptable,
  };
  if (apply && !ctx.dryRun) {
    if (first) {
      throw new Conflict(
        `${name} is in none of the managed groups, so the API token may not write it; nothing was changed`,
        `run this on a Proxmox node first, then adopt again: ${first}`,
      );
    }
    const write = () => ctx.lanes.proxmox.add(() => proxmox.apply(step, signal), { priority: 1 });
    await ctx.locks.hold([oid], async () => write());
    ctx.audit.append({
      by: 'operator',
      action: 'adopt',
      claimedUser,
      oid,
      target: 'proxmox',
      name,
      before: adoptable,
      outcome: 'done',
    });
    ctx.audit.flush();
  }
  return { oid, name, unixName, first, steps: [describeStep(step)] };
}

/** The user that waits for our mark; undefined where it carries it. With PVE_PROVISION=existing a mark is not needed to be seen. */
function adoptableIn(
  sight: Sight<ProxmoxUser> | undefined,
  oid: ObjectId,
  name: string,
): { adoptable: ProxmoxUser; first?: string | undefined } | undefined {
  switch (sight?.certainty) {
    case 'present':
      return ownerIn(sight.value.comment) === oid ? undefined : { adoptable: sight.value };
    case 'foreign':
      if (!sight.adoptable) throw new Conflict(`${name}: ${sight.what}`, sight.remedy);
      return { adoptable: sight.adoptable, first: sight.outOfReach };
    case 'unknown':
      throw new Rejected(`${name} cannot be seen in Proxmox: ${sight.why}`);
    default:
      throw new Rejected(`Proxmox has no user ${name}; nothing to adopt`);
  }
}

function unixNameFor(ctx: Context, oid: ObjectId, upn: string): string | undefined {
  const known = ctx.ledger.entry(oid)?.names.linux;
  if (known) return known;
  const mapped = unixNameOf(upn, ctx.policy.username);
  return mapped.ok ? mapped.name : undefined;
}
