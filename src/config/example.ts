import { quoteEnvValue } from './env-file.js';
import { defaultText } from './read-values.js';
import { type SettingName, schema, sections } from './schema/index.js';

const HEAD = `# Configuration of Entramox, at /etc/entramox/entramox.env or where --config says.
#
# Read as systemd reads an EnvironmentFile: NAME=value, comments on lines of their own, quotes around values with
# spaces, nothing is expanded. Every setting stands here with its default, commented out. An empty value means the
# default. Variables of the process win over this file. Durations read like 500ms, 30s, 5m, 24h, 7d.
#
# Secrets belong into files: NAME_FILE names one (mode 0600), or LoadCredential= hands over a systemd credential of
# the lower-case dashed name, such as entra-client-secret. Check with: entramox config check
`;

/** config.example.env: every setting once, with its words, an example and its default commented out. */
export function renderExample(): string {
  const parts = sections.map(({ title, settings }) => {
    const names = Object.keys(settings) as SettingName[];
    return [`# ---- ${title} ${'-'.repeat(Math.max(4, 100 - title.length))}`, ...names.map(renderSetting)].join('\n\n');
  });
  return `${[HEAD, ...parts].join('\n')}\n`.replaceAll('\n# ----', '\n\n# ----').replaceAll(/\n{3,}/g, '\n\n');
}

function renderSetting(name: SettingName): string {
  const { about, example, secret, default: fallback } = schema[name];
  const lines = [...wrap(about).map((line) => `# ${line}`), `# Example: ${name}=${quoteEnvValue(example)}`];
  if (secret)
    lines.push(`# Or from a file: ${name}_FILE=/etc/entramox/credentials/${name.toLowerCase().replaceAll('_', '-')}`);
  if (fallback === undefined) lines.push('# No default.');
  return [...lines, `#${name}=${quoteEnvValue(defaultText(name) ?? '')}`].join('\n');
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line.length + word.length > 112) {
      lines.push(line.trim());
      line = '';
    }
    line += `${word} `;
  }
  return [...lines, line.trim()];
}
