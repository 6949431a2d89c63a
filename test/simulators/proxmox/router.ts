import type { Route } from './call.js';

/** An endpoint that has this method and path, with the parameters of its path. */
export interface RouteMatch {
  route: Route;
  pathParams: Record<string, string>;
}

/** The lookup over all endpoints; paths come decoded and without `/api2/json`. */
export type Router = (method: string, path: string) => RouteMatch | undefined;

export function createRouter(routes: readonly Route[]): Router {
  const table = routes.map((route) => ({ route, parts: partsOf(route.template) }));

  return (method, path) => {
    const given = partsOf(path);
    for (const { route, parts } of table) {
      if (route.method !== method || parts.length !== given.length) continue;
      const pathParams = fill(parts, given);
      if (pathParams !== undefined) return { route, pathParams };
    }
    return undefined;
  };
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function fill(parts: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const value = given[index] ?? '';
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name !== undefined) params[name] = value;
    else if (part !== value) return undefined;
  }
  return params;
}
