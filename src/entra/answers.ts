import { z } from 'zod';
import { redactText } from '../telemetry/redact.js';
import { GraphError, GraphUnavailable } from './graph-errors.js';
import { isTransientStatus } from './patience.js';

const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z
      .string()
      .nullish()
      .transform((message) => message ?? ''),
    innerError: z.object({ 'request-id': z.string() }).partial().nullish().catch(undefined),
  }),
});

export interface ErrorBody {
  code: string;
  message: string;
  requestId: string | undefined;
}

/** Graph's error object without any secret that it may repeat; undefined where the body is something else. */
export function readErrorBody(body: unknown): ErrorBody | undefined {
  const parsed = errorSchema.safeParse(body);
  if (!parsed.success) return undefined;
  const { code, message, innerError } = parsed.data.error;
  return { code: redactText(code), message: redactText(message), requestId: innerError?.['request-id'] };
}

/** Which call an answer belongs to, for messages: `GET /groups/…` without its query. */
export interface CallName {
  method: string;
  path: string;
}

/**
 * The JSON of a successful answer (undefined for 204 and an empty 202). Throws GraphError for Graph's own refusals and
 * SourceUnavailable for everything from which nothing may be concluded: 401, 429, 5xx, redirects, other media.
 */
export async function readAnswer(response: Response, call: CallName): Promise<unknown> {
  const { status } = response;
  const text = await response.text();
  if (status === 204 || ((status === 202 || status === 200) && text === '')) return undefined;
  const body = parseJson(text);
  if (status < 300 && body !== undefined) return body;
  throw toError(response, call, body, text);
}

function toError(response: Response, call: CallName, body: unknown, text: string): Error {
  const { status } = response;
  const name = `${call.method} ${call.path}`;
  const error = readErrorBody(body);
  const requestId = error?.requestId ?? response.headers.get('request-id') ?? undefined;
  const trail = requestId ? ` (request-id ${requestId})` : '';
  if (isTransientStatus(status)) {
    const why = status === 429 ? 'throttles this app' : 'is unwell';
    return new GraphUnavailable(`Graph ${why}: ${name} gave status ${status}${trail}, also when repeated`, {
      status,
      transient: true,
    });
  }
  if (status >= 300 && status < 400) {
    const to = response.headers.get('location') ?? 'nowhere';
    const host = URL.canParse(to) ? new URL(to).host : 'a relative address';
    return new GraphUnavailable(`${name} was redirected to ${host}, which is not followed; check GRAPH_BASE_URL`, {
      status,
    });
  }
  // A missing permission on subscriptions comes as 401 or 403 with ExtensionError; other 401s are about the token.
  if (status === 401 && error?.code !== 'ExtensionError') {
    const said = error ? `${error.code}: ${error.message}` : 'without a reason';
    return new GraphUnavailable(`Graph does not accept our token for ${name} (${said})${trail}`, { status });
  }
  if (error && status >= 400) {
    return new GraphError(
      `Graph refused ${name} with ${status} ${error.code}: ${error.message}${trail}`,
      status,
      error.code,
      error.message,
      requestId,
    );
  }
  const type = response.headers.get('content-type') ?? 'no content type';
  const shown = /json/i.test(type) ? "JSON that is broken or not Graph's" : `${type} instead of JSON`;
  return new GraphUnavailable(
    `${name} was answered with status ${status} and ${shown} (${text.length} characters); is something between us and Graph?`,
    { status },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value in the shape that the caller needs. Throws SourceUnavailable naming the field that is wrong. */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, call: CallName): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new GraphUnavailable(
    `${call.method} ${call.path} was answered in an unexpected shape: ${firstIssue(parsed.error)}`,
    {
      status: 200,
    },
  );
}

/** The first thing that zod found, without the value: `value[3].id: Invalid input`. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? `${issue.path.join('.') || 'body'}: ${issue.message}` : 'unknown';
}
