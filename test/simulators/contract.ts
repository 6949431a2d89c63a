import { existsSync, readFileSync } from 'node:fs';
import { type Operation, type PathEntry, readPaths } from './contract-document.js';
import { createSchemaChecker, isObject, type SchemaChecker } from './contract-schema.js';

/** A request, as a contract is asked about it. */
export interface ContractRequest {
  method: string;
  /** Below the document's server path, with the query: `/users/1234?$select=id`. */
  path: string;
  requestHeaders?: Readonly<Record<string, string>>;
  /** Parsed JSON, or the fields of a form; undefined where nothing was sent. */
  requestBody?: unknown;
}

/** A request with its answer. */
export interface ContractExchange extends ContractRequest {
  status: number;
  /** Parsed JSON; undefined where nothing was answered. */
  responseBody?: unknown;
}

/** An OpenAPI 3.0 document that exchanges are held against. */
export interface Contract {
  /** What is wrong with request and answer, each as a sentence; empty where both fit. */
  check(exchange: ContractExchange): string[];
  /** What is wrong with the request alone. */
  checkRequest(request: ContractRequest): string[];
  /** What is wrong with the answer alone, for requests that a test makes wrong on purpose. */
  checkResponse(exchange: ContractExchange): string[];
  /** What is wrong with a value that should fit the schema of this name. */
  checkSchema(name: string, value: unknown): string[];
  /** `/users/{user-id}`; undefined for a path that the document does not have. */
  template(path: string): string | undefined;
}

/** Beside the checkout, where the contract documents are kept. */
const FOLDER = new URL('../../../shared/reference/contracts/', import.meta.url);

/** The contract of this file name (`graph.openapi.json`), or undefined where the documents are not at hand. */
export function loadContract(name: string): Contract | undefined {
  const file = new URL(name, FOLDER);
  return existsSync(file) ? createContract(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
}

/** A contract from an OpenAPI 3.0 document (JSON, local references only). */
export function createContract(document: unknown): Contract {
  if (!isObject(document)) throw new Error('an OpenAPI document is a JSON object');
  const paths = readPaths(document);
  const checker = createSchemaChecker(document);

  function checkRequest(request: ContractRequest): string[] {
    const located = locate(paths, request);
    if (!located) return [`${request.method} ${request.path} is not in the contract`];
    return [...checkParameters(located, request, checker), ...checkBody(located.operation, request, checker)];
  }

  function checkResponse(exchange: ContractExchange): string[] {
    const operation = locate(paths, exchange)?.operation;
    if (!operation) return [`${exchange.method} ${exchange.path} is not in the contract`];
    const key = operation.responses.has(String(exchange.status)) ? String(exchange.status) : 'default';
    if (!operation.responses.has(key)) return [`status ${exchange.status} is not in the contract`];
    const schema = operation.responses.get(key);
    return schema ? checker.json(`answer ${exchange.status}`, schema, exchange.responseBody) : [];
  }

  return {
    check: (exchange) => {
      const faults = checkRequest(exchange);
      return locate(paths, exchange) ? [...faults, ...checkResponse(exchange)] : faults;
    },
    checkRequest,
    checkResponse,
    checkSchema: (name, value) => checker.json(name, checker.named(name), value),
    template: (path) => pathEntry(paths, path)?.entry.template,
  };
}

interface Located {
  operation: Operation;
  /** Path parameters by name, decoded. */
  values: ReadonlyMap<string, string>;
}

function pathEntry(paths: readonly PathEntry[], path: string): { entry: PathEntry; parts: string[] } | undefined {
  const [plain = ''] = path.split('?');
  for (const entry of paths) {
    const found = entry.pattern.exec(plain);
    if (found) return { entry, parts: found.slice(1) };
  }
  return undefined;
}

function locate(paths: readonly PathEntry[], request: ContractRequest): Located | undefined {
  const found = pathEntry(paths, request.path);
  const operation = found?.entry.operations.get(request.method.toLowerCase());
  if (!found || !operation) return undefined;
  const values = found.entry.names.map((name, index) => [name, decodeURIComponent(found.parts[index] ?? '')] as const);
  return { operation, values: new Map(values) };
}

function checkParameters({ operation, values }: Located, request: ContractRequest, checker: SchemaChecker): string[] {
  const query = new URLSearchParams(request.path.split(/\?(.*)/s)[1] ?? '');
  const headers = new Map(
    Object.entries(request.requestHeaders ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const known = new Set(operation.parameters.filter((one) => one.in === 'query').map((one) => one.name));
  const faults = [...query.keys()]
    .filter((name) => !known.has(name))
    .map((name) => `query option ${name} is not in the contract`);
  for (const { in: place, name, required, schema } of operation.parameters) {
    const value =
      place === 'path'
        ? values.get(name)
        : place === 'query'
          ? (query.get(name) ?? undefined)
          : headers.get(name.toLowerCase());
    if (value !== undefined) faults.push(...checker.text(`${place} ${name}`, schema, value));
    else if (required) faults.push(`${place} ${name} is missing`);
  }
  return faults;
}

function checkBody(operation: Operation, request: ContractRequest, checker: SchemaChecker): string[] {
  const expected = operation.requestBody;
  if (request.requestBody === undefined) return expected?.required ? ['the request body is missing'] : [];
  if (!expected) return ['a request body is not in the contract'];
  const type = Object.entries(request.requestHeaders ?? {}).find(
    ([name]) => name.toLowerCase() === 'content-type',
  )?.[1];
  const mediaType = type?.split(';')[0]?.trim().toLowerCase() ?? 'application/json';
  const schema = expected.schemas.get(mediaType);
  if (!schema) return [`the content type ${mediaType} is not in the contract`];
  return mediaType === 'application/json'
    ? checker.json('request body', schema, request.requestBody)
    : checker.text('request body', schema, request.requestBody);
}
