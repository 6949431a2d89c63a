import { invalid } from './errors.js';
import { splitList } from './identity.js';

/** One parameter as a client sent it: text from a form or query, any JSON value from a JSON body. */
export type RawParams = Readonly<Record<string, unknown>>;

/** What a parameter must look like. */
export interface Field {
  type: 'text' | 'boolean' | 'integer';
  required?: boolean;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  pattern?: RegExp;
  /** A comma-parted list: a JSON array is taken too, and `problem` looks at each part. */
  list?: boolean;
  /** Another parameter that must come along. */
  requires?: string;
  problem?: (value: string) => string | undefined;
}

export type Fields = Readonly<Record<string, Field>>;

/** Checked parameters; what was not given, or given as JSON null, is undefined. */
export interface Params {
  text(name: string): string | undefined;
  /** The text of a required parameter. */
  must(name: string): string;
  flag(name: string): boolean | undefined;
  integer(name: string): number | undefined;
  /** The parts of a list, or undefined where it was not given. */
  list(name: string): string[] | undefined;
  /** The parameter in the form it was sent, for answers that echo it. */
  raw(name: string): unknown;
}

/**
 * Checks a call's parameters against its fields.
 * @throws ApiError 400 with one text per wrong, missing or unknown parameter
 */
export function readParams(fields: Fields, raw: RawParams): Params {
  const errors: Record<string, string> = Object.create(null);
  const values = new Map<string, string>();
  for (const [name, sent] of Object.entries(raw)) {
    if (sent === null) continue;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) {
      errors[name] = 'property is not defined in schema and the schema does not allow additional properties';
      continue;
    }
    const value = asText(field, sent);
    const problem = value === undefined ? `type check ('${typeName(field)}') failed` : problemOf(field, value);
    if (problem !== undefined || value === undefined) errors[name] = problem ?? 'type check failed';
    else values.set(name, value);
  }
  for (const [name, field] of Object.entries(fields)) {
    if (field.required && !values.has(name) && errors[name] === undefined) {
      errors[name] = 'property is missing and it is not optional';
    }
    if (field.requires !== undefined && values.has(name) && !values.has(field.requires)) {
      errors[field.requires] ??= `missing property - '${name}' requires this property`;
    }
  }
  if (Object.keys(errors).length > 0) throw invalid(errors);
  return accessors(values, raw);
}

function accessors(values: ReadonlyMap<string, string>, raw: RawParams): Params {
  return {
    text: (name) => values.get(name),
    must: (name) => values.get(name) ?? '',
    flag: (name) => {
      const value = values.get(name);
      return value === undefined ? undefined : value === '1';
    },
    integer: (name) => {
      const value = values.get(name);
      return value === undefined ? undefined : Number(value);
    },
    list: (name) => {
      const value = values.get(name);
      return value === undefined ? undefined : splitList(value);
    },
    raw: (name) => raw[name],
  };
}

function typeName(field: Field): string {
  return field.type === 'text' ? 'string' : field.type;
}

/** The value as text, or undefined where it is of no type that this field takes. */
function asText(field: Field, sent: unknown): string | undefined {
  if (typeof sent === 'string') return sent;
  if (typeof sent === 'number') return String(sent);
  if (typeof sent === 'boolean') return field.type === 'boolean' ? (sent ? '1' : '0') : undefined;
  if (field.list && Array.isArray(sent) && sent.every((part) => typeof part === 'string')) return sent.join(',');
  return undefined;
}

function problemOf(field: Field, value: string): string | undefined {
  if (field.type === 'boolean') {
    return /^[01]$/.test(value) ? undefined : `type check ('boolean') failed - got '${value}'`;
  }
  if (field.type === 'integer') return integerProblem(field, value);
  const length = [...value].length;
  if (field.maxLength !== undefined && length > field.maxLength) {
    return `value may only be ${field.maxLength} characters long`;
  }
  if (field.minLength !== undefined && length < field.minLength) {
    return `value must be at least ${field.minLength} characters long`;
  }
  if (field.pattern !== undefined && !field.pattern.test(value)) return 'value does not match the regex pattern';
  const { problem } = field;
  if (problem === undefined) return undefined;
  const parts = field.list ? splitList(value) : [value];
  const texts = parts.map((part) => problem(part)).filter((text) => text !== undefined);
  return texts.length === 0 ? undefined : `invalid format - ${texts[0]}`;
}

function integerProblem(field: Field, value: string): string | undefined {
  if (!/^-?\d+$/.test(value)) return `type check ('integer') failed - got '${value}'`;
  if (field.minimum !== undefined && Number(value) < field.minimum) {
    return `value must have a minimum value of ${field.minimum}`;
  }
  return undefined;
}
