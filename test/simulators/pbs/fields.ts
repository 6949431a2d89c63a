/** An error answer: plain text, 400 unless something else is said. */
export class Refusal extends Error {
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

export type Kind = 'text' | 'flag' | 'integer' | 'list';
export type Fields = Readonly<Record<string, Kind | [Kind]>>;
export type Params = Readonly<Record<string, unknown>>;

/**
 * Checks parameters as the schema of an endpoint does: none that it does not know, all that it must have (`[kind]`), and
 * in a JSON body each of its very type: a 1 is no flag. What comes from the path or the query is text.
 */
export function checked(fields: Fields, body: Params, query: Params): Params {
  const problems: string[] = [];
  const read: Record<string, unknown> = {};
  for (const [name, value] of [...Object.entries(query), ...Object.entries(body)]) {
    const field = fields[name];
    if (field === undefined) {
      problems.push(`parameter '${name}': schema does not allow additional properties.`);
      continue;
    }
    const kind = Array.isArray(field) ? field[0] : field;
    const given = name in body ? value : fromText(kind, String(value));
    if (isOfKind(kind, given)) read[name] = given;
    else problems.push(`parameter '${name}': expected ${kind}`);
  }
  for (const [name, field] of Object.entries(fields)) {
    if (Array.isArray(field) && !(name in read))
      problems.push(`parameter '${name}': parameter is missing and it is not optional.`);
  }
  if (problems.length > 0) throw new Refusal(`parameter verification errors\n\n${problems.join('\n')}`);
  return read;
}

function fromText(kind: Kind, text: string): unknown {
  if (kind === 'integer' && /^\d+$/.test(text)) return Number(text);
  if (kind === 'flag' && /^(1|true|yes|on)$/i.test(text)) return true;
  if (kind === 'flag' && /^(0|false|no|off)$/i.test(text)) return false;
  return kind === 'list' ? [text] : text;
}

function isOfKind(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string' && !/\p{Cc}/u.test(value);
    case 'flag':
      return typeof value === 'boolean';
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value) && value >= 0;
    case 'list':
      return Array.isArray(value) && value.every((part) => typeof part === 'string');
    default:
      return kind satisfies never;
  }
}
