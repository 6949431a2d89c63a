import { z } from 'zod';
import { Rejected } from '../../../../../domain/errors.js';
import type { VaultAnswer, VaultCall } from './http.js';
import { refusalOf, wordsOf } from './refusal.js';

export interface SecretVersion {
  /** 0: there never was one. */
  version: number;
  /** undefined: none, or this version is deleted or destroyed. */
  data: unknown;
}

/** One secret of a KV version 2 engine. Everything thrown is Rejected. */
export interface VaultSecret {
  /** The newest version, or the given one. */
  read(version?: number): Promise<SecretVersion>;
  /** Writes a new version where `cas` is still the newest, and gives its number. */
  write(data: object, cas: number): Promise<number>;
  /** Numbers of the versions that still hold something. */
  versions(): Promise<number[]>;
  /** Deletes one version, so that it can be brought back; the others stay. */
  remove(version: number): Promise<void>;
  /** For good. */
  destroy(versions: readonly number[]): Promise<void>;
  /** What our token may do: `create`, `read`, `update`, ...; undefined: Vault does not say. */
  capabilities(): Promise<readonly string[] | undefined>;
}

export interface VaultSecretPorts {
  address: string;
  mount: string;
  path: string;
  /** With our token. */
  send: (call: VaultCall) => Promise<VaultAnswer>;
}

const metadata = z.object({ version: z.int().min(1) });
const readAnswer = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()).nullable(), metadata }) });
const writeAnswer = z.object({ data: metadata });
const versionsAnswer = z.object({
  data: z.object({
    versions: z.record(z.string().regex(/^\d+$/), z.object({ deletion_time: z.string(), destroyed: z.boolean() })),
  }),
});
const capabilitiesAnswer = z.object({ capabilities: z.array(z.string()) });

export function createVaultSecret({ address, mount, path, send }: VaultSecretPorts): VaultSecret {
  const data = `${mount}/data/${path}`;

  function parsed<T>(answer: VaultAnswer, schema: z.ZodType<T>, what: string): T {
    const read = schema.safeParse(answer.body);
    if (read.success) return read.data;
    throw new Rejected(`the vault at ${address} answers ${what} as no KV engine of version 2 does; is ${mount} one?`);
  }

  return {
    async read(version) {
      const what = `reading ${data}`;
      const answer = await send({ method: 'GET', path: version === undefined ? data : `${data}?version=${version}` });
      // A deleted version is answered with 404 and its metadata; one that never was, with 404 and an empty list.
      const known = readAnswer.safeParse(answer.body);
      if (answer.status === 404 && known.success) return { version: known.data.data.metadata.version, data: undefined };
      if (answer.status === 404 && wordsOf(answer) === '') return { version: 0, data: undefined };
      if (answer.status !== 200) throw refusalOf(what, address, answer);
      const { data: found, metadata: about } = parsed(answer, readAnswer, what).data;
      return { version: about.version, data: found ?? undefined };
    },
    async write(content, cas) {
      const what = `writing ${data}`;
      const answer = await send({ method: 'POST', path: data, body: { options: { cas }, data: content } });
      if (answer.status === 400 && wordsOf(answer).includes('check-and-set')) {
        throw new Rejected(
          `somebody else has written ${data} at ${address} in the meantime (${wordsOf(answer)}); look at it, and run it again`,
        );
      }
      if (answer.status !== 200) throw refusalOf(what, address, answer);
      return parsed(answer, writeAnswer, what).data.version;
    },
    async versions() {
      const about = `${mount}/metadata/${path}`;
      const answer = await send({ method: 'GET', path: about });
      if (answer.status === 404 && wordsOf(answer) === '') return [];
      if (answer.status !== 200) throw refusalOf(`reading ${about}`, address, answer);
      const { versions } = parsed(answer, versionsAnswer, `reading ${about}`).data;
      return Object.entries(versions).flatMap(([number, { destroyed }]) => (destroyed ? [] : [Number(number)]));
    },
    async remove(version) {
      const deletion = `${mount}/delete/${path}`;
      const answer = await send({ method: 'POST', path: deletion, body: { versions: [version] } });
      if (answer.status >= 300) throw refusalOf(`deleting version ${version} of ${data}`, address, answer);
    },
    async destroy(versions) {
      const answer = await send({ method: 'PUT', path: `${mount}/destroy/${path}`, body: { versions } });
      if (answer.status >= 300) throw refusalOf(`destroying old versions of ${data}`, address, answer);
    },
    async capabilities() {
      const answer = await send({ method: 'POST', path: 'sys/capabilities-self', body: { paths: [data] } });
      const read = capabilitiesAnswer.safeParse(answer.body);
      return answer.status === 200 && read.success ? read.data.capabilities : undefined;
    },
  };
}
