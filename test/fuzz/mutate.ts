import fc from 'fast-check';

/** One change of a JSON value or of its text. `pick` chooses where, among all the places that there are. */
export interface Edit {
  pick: number;
  change: 'drop' | 'replace' | 'repeat' | 'wrap' | 'stringify' | 'rename' | 'cut text' | 'insert text';
  value: unknown;
}

/** What an edit did: the keys on the way to the place, and what stands there now. */
export interface Touched {
  path: readonly (string | number)[];
  change: Edit['change'];
  value: unknown;
}

const awkward = fc.constantFrom<unknown>(
  null,
  '',
  0,
  -1,
  1e308,
  '0',
  true,
  [],
  {},
  [null],
  { '': null },
  '__proto__',
  '\u0000',
  '\ud800',
  'x'.repeat(5000),
);

/** Any edit; text edits are rarer, since most of them are only broken JSON. */
export const edit: fc.Arbitrary<Edit> = fc.record({
  pick: fc.nat(),
  change: fc.constantFrom<Edit['change']>(
    'drop',
    'replace',
    'replace',
    'replace',
    'repeat',
    'wrap',
    'stringify',
    'rename',
    'cut text',
    'insert text',
  ),
  value: fc.oneof(awkward, fc.jsonValue({ maxDepth: 2 })),
});

interface Place {
  holder: Record<string, unknown> | unknown[];
  key: string | number;
  path: (string | number)[];
}

/** The text of the value after the edits, and what they touched. The value itself is left as it is. */
export function mutate(value: unknown, edits: readonly Edit[]): { text: string; touched: Touched[] } {
  const root = { value: structuredClone(value) };
  const touched: Touched[] = [];
  const late: Edit[] = [];
  for (const one of edits) {
    if (one.change === 'cut text' || one.change === 'insert text') late.push(one);
    else touched.push(...apply(root, one));
  }
  let text = JSON.stringify(root.value) ?? '';
  for (const { change, pick, value: inserted } of late) {
    const at = pick % (text.length + 1);
    touched.push({ path: [], change, value: undefined });
    text = change === 'cut text' ? text.slice(0, at) : text.slice(0, at) + JSON.stringify(inserted) + text.slice(at);
  }
  return { text, touched };
}

function apply(root: { value: unknown }, { pick, change, value }: Edit): Touched[] {
  const places = placesIn(root, []);
  const place = places[pick % places.length];
  if (!place) return [];
  const { holder, key, path } = place;
  const at = holder as Record<string | number, unknown>;
  const done = (now: unknown): Touched[] => [{ path: path.slice(1), change, value: now }];
  switch (change) {
    case 'drop':
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete at[key];
      return done(undefined);
    case 'repeat':
      if (Array.isArray(holder)) holder.push(structuredClone(at[key]));
      else at[`${key}`.toUpperCase()] = structuredClone(at[key]);
      return done(at[key]);
    case 'wrap':
      at[key] = [at[key]];
      return done(at[key]);
    case 'stringify':
      at[key] = JSON.stringify(at[key]);
      return done(at[key]);
    case 'rename':
      if (Array.isArray(holder)) return [];
      at[`${key}x`] = at[key];
      delete at[key];
      return done(undefined);
    default:
      at[key] = structuredClone(value);
      return done(value);
  }
}

function placesIn(holder: Record<string, unknown> | unknown[], path: (string | number)[]): Place[] {
  const keys: (string | number)[] = Array.isArray(holder) ? [...holder.keys()] : Object.keys(holder);
  return keys.flatMap((key): Place[] => {
    const here: Place = { holder, key, path: [...path, key] };
    const inner = (holder as Record<string | number, unknown>)[key];
    const isHolder = typeof inner === 'object' && inner !== null;
    return isHolder ? [here, ...placesIn(inner as Record<string, unknown>, here.path)] : [here];
  });
}
