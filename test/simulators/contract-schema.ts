import { Ajv, type ValidateFunction } from 'ajv';
import { default as addFormats } from 'ajv-formats';

export type JsonObject = { [key: string]: unknown };

/** True for a JSON object, not for an array or null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Holds values against the schemas of one OpenAPI 3.0 document. */
export interface SchemaChecker {
  /** Violations of a JSON value, each as a sentence that begins with `where`. */
  json(where: string, schema: JsonObject, value: unknown): string[];
  /** The same for what arrives as text: parameters and form fields, where "1" is a number too. */
  text(where: string, schema: JsonObject, value: unknown): string[];
  /** The schema of this name under components. */
  named(name: string): JsonObject;
}

const DOCUMENT = 'contract';

/** A checker over a document; `nullable` is understood, references are local ones. */
export function createSchemaChecker(document: JsonObject): SchemaChecker {
  const root = toJsonSchema(document) as JsonObject;
  const strictly = compiler(root, false);
  const loosely = compiler(root, true);
  const names = new Map<string, JsonObject>();
  return {
    json: (where, schema, value) => violations(where, strictly(schema), value),
    text: (where, schema, value) => violations(where, loosely(schema), { value: structuredClone(value) }),
    named(name) {
      const known = names.get(name) ?? { $ref: `#/components/schemas/${name}` };
      names.set(name, known);
      return known;
    },
  };
}

function compiler(root: JsonObject, coerce: boolean): (schema: JsonObject) => ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false, coerceTypes: coerce });
  addFormats.default(ajv);
  ajv.addSchema(root, DOCUMENT);
  const compiled = new Map<JsonObject, ValidateFunction>();
  return (schema) => {
    const known = compiled.get(schema);
    if (known) return known;
    const own = toJsonSchema(schema) as JsonObject;
    // Only a property can be changed in place, which is how ajv coerces.
    const validate = ajv.compile(coerce ? { type: 'object', properties: { value: own } } : own);
    compiled.set(schema, validate);
    return validate;
  };
}

function violations(where: string, validate: ValidateFunction, value: unknown): string[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    (error) => `${where}${error.instancePath} ${error.message ?? 'is wrong'} ${JSON.stringify(error.params)}`,
  );
}

/** OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, references name the document. */
function toJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(toJsonSchema);
  if (!isObject(node)) return node;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, convert(key, value)]),
  );
  if (nullable !== true) return rest;
  if (typeof rest.type !== 'string') return { anyOf: [rest, { type: 'null' }] };
  const type = [rest.type, 'null'];
  return Array.isArray(rest.enum) ? { ...rest, type, enum: [...rest.enum, null] } : { ...rest, type };
}

function convert(key: string, value: unknown): unknown {
  if (key === '$ref' && typeof value === 'string' && value.startsWith('#')) return `${DOCUMENT}${value}`;
  // Examples and literal values are data, not schemas.
  return ['enum', 'example', 'default', 'const'].includes(key) ? value : toJsonSchema(value);
}
