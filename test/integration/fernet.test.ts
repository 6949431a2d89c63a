import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { decryptFernet, encryptFernet, type FernetKey, newFernetKey, parseFernetKey } from '../../src/config/fernet.js';

const PYTHON = '/usr/bin/python3';

const EXCHANGE = `
import json, sys
from cryptography.fernet import Fernet
given = json.load(sys.stdin)
own = Fernet.generate_key()
read = [Fernet(given["key"]).decrypt(token.encode()).decode() for token in given["tokens"]]
made = [Fernet(own).encrypt(text.encode()).decode() for text in given["texts"]]
print(json.dumps({"read": read, "key": own.decode(), "made": made}))`;

function pythonProblem(): string | undefined {
  const { error, status } = spawnSync(PYTHON, ['-c', 'import cryptography.fernet'], { timeout: 30_000 });
  return error || status !== 0 ? 'python3-cryptography is not installed here' : undefined;
}

function keyOf(text: string): FernetKey {
  const key = parseFernetKey(text);
  if (!key) throw new Error('no key');
  return key;
}

describe("Python's cryptography, which the predecessor used", () => {
  it('reads what we write, and we read what it writes', (context) => {
    const problem = pythonProblem();
    context.skip(problem !== undefined, problem);
    const texts = ['abc8Q~the-client-secret', '', 'äöü €', 'x'.repeat(1000)];
    const key = newFernetKey();
    const input = JSON.stringify({ key, tokens: texts.map((text) => encryptFernet(text, keyOf(key))), texts });

    const python = spawnSync(PYTHON, ['-c', EXCHANGE], { input, encoding: 'utf8', timeout: 30_000 });

    expect({ status: python.status, stderr: python.stderr }).toEqual({ status: 0, stderr: '' });
    const theirs = JSON.parse(python.stdout);
    expect(theirs.read).toEqual(texts);
    expect(theirs.made.map((token: string) => decryptFernet(token, keyOf(theirs.key)))).toEqual(
      texts.map((text) => expect.objectContaining({ ok: true, text })),
    );
  });
});
