/** `3 min ago`; `at` is ISO 8601, `now` epoch ms. */
export function ago(at: string, now: number): string {
  return `${span(now - Date.parse(at))} ago`;
}

/** A length of time in the unit that says it best. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
