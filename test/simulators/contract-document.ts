import { isObject, type JsonObject } from './contract-schema.js';

export interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: JsonObject;
}

export interface Operation {
  parameters: readonly Parameter[];
  /** undefined: the operation takes none. */
  requestBody: { required: boolean; schemas: ReadonlyMap<string, JsonObject> } | undefined;
  /** By status or `default`; undefined where an answer has no described JSON. */
  responses: ReadonlyMap<string, JsonObject | undefined>;
}

export interface PathEntry {
  template: string;
  /** The names of its placeholders, in order. */
  names: readonly string[];
  pattern: RegExp;
  /** By method in lower case. */
  operations: ReadonlyMap<string, Operation>;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head'];

/** The paths of an OpenAPI 3.0 document; those with fewer placeholders first, so that the first that fits is meant. */
export function readPaths(document: JsonObject): PathEntry[] {
  if (!isObject(document.paths)) throw new Error('this is not an OpenAPI document: it has no paths');
  return Object.entries(document.paths)
    .map(([template, item]) => readPath(template, isObject(item) ? item : {}))
    .sort((left, right) => left.names.length - right.names.length);
}

function readPath(template: string, item: JsonObject): PathEntry {
  const shared = readParameters(item.parameters);
  const operations = new Map<string, Operation>();
  for (const method of METHODS) {
    const operation = item[method];
    if (isObject(operation)) operations.set(method, readOperation(operation, shared));
  }
  const escaped = template.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{[^}]+\}/g, '([^/]+)');
  const names = [...template.matchAll(/\{([^}]+)\}/g)].map((found) => found[1] ?? '');
  return { template, names, pattern: new RegExp(`^${escaped}$`, 'i'), operations };
}

function readOperation(operation: JsonObject, shared: readonly Parameter[]): Operation {
  const responses = new Map<string, JsonObject | undefined>();
  if (isObject(operation.responses))
    for (const [status, response] of Object.entries(operation.responses))
      responses.set(status, isObject(response) ? readContent(response).get('application/json') : undefined);
  const body = operation.requestBody;
  return {
    parameters: [...shared, ...readParameters(operation.parameters)],
    requestBody: isObject(body) ? { required: body.required === true, schemas: readContent(body) } : undefined,
    responses,
  };
}

function readParameters(list: unknown): Parameter[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).map((parameter) => ({
    name: String(parameter.name),
    in: String(parameter.in),
    required: parameter.required === true,
    schema: isObject(parameter.schema) ? parameter.schema : {},
  }));
}

function readContent(holder: JsonObject): Map<string, JsonObject> {
  const schemas = new Map<string, JsonObject>();
  if (isObject(holder.content))
    for (const [type, media] of Object.entries(holder.content))
      if (isObject(media) && isObject(media.schema)) schemas.set(type, media.schema);
  return schemas;
}
