/** One HTTP answer, its body bounded. */
export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
}

export interface HttpRequest {
  method?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  body?: string | undefined;
}

/**
 * One HTTP exchange that never follows a redirect, ends in time and reads a bounded body. Throws an error in words
 * where no answer came, or the reason of the signal.
 */
export type HttpExchange = (url: string, request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/** The value of a JSON text; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a stranger said, as one bounded line. */
export function oneLine(text: string, limit = 300): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

/** In quotes, so that a slash or a space at the end is seen. */
export function quoted(text: string): string {
  return JSON.stringify(oneLine(text));
}
