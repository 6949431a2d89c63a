import { Agent, request } from 'undici';

const MOST_STEPS = 12;

/**
 * Opens a page like a browser that has cookies and follows redirects, and stops at the first address outside of the
 * origin where it began: that is where the provider sends the login to. Throws where a page is no redirect.
 */
export async function browse(start: string, ca: string): Promise<URL> {
  const agent = new Agent({ connect: { ca: [ca] } });
  const cookies = new Map<string, string>();
  const { origin } = new URL(start);
  try {
    let here = new URL(start);
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await request(here, { dispatcher: agent, headers: { cookie, accept: 'text/html' } });
      const text = await answer.body.text();
      for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(name, value);
      }
      const { location } = answer.headers;
      if (typeof location !== 'string') throw new Error(`${here.href}: ${answer.statusCode} ${text.slice(0, 400)}`);
      here = new URL(location, here);
      if (here.origin !== origin) return here;
    }
    throw new Error(`more than ${MOST_STEPS} redirects from ${start}`);
  } finally {
    await agent.destroy();
  }
}
