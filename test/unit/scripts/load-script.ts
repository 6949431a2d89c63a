/** A module of scripts/lib. These are plain JavaScript, because they run before anything is installed. */
export async function loadScript<T>(name: string): Promise<T> {
  const url = new URL(`../../../scripts/lib/${name}.mjs`, import.meta.url).href;
  return (await import(/* @vite-ignore */ url)) as T;
}
