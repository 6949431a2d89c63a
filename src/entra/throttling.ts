/**
 * What Graph says about a limit, for people: ` (scope Tenant_Application, at 1.2 of the limit, CPU)`; empty where it says
 * nothing (Graph: throttling limits, `x-ms-throttle-*`). Bounded, as it goes into messages.
 */
export function throttlingOf(headers: Headers): string {
  const told = (name: string) => headers.get(name)?.slice(0, 120);
  const scope = told('x-ms-throttle-scope');
  const share = told('x-ms-throttle-limit-percentage');
  const information = told('x-ms-throttle-information');
  const parts = [
    ...(scope ? [`scope ${scope}`] : []),
    ...(share ? [`at ${share} of the limit`] : []),
    ...(information ? [information] : []),
  ];
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
