import { describe, expect, it } from 'vitest';
import { Rejected } from '../../../../../src/domain/errors.js';
import { createSeveralSinks } from '../../../../../src/targets/proxmox/tokens/sinks/several-sinks.js';
import { isDead, type Sink } from '../../../../../src/targets/proxmox/tokens/sinks/sink.js';
import { storeProved } from '../../../../../src/targets/proxmox/tokens/sinks/store-proved.js';
import type { StoredToken } from '../../../../../src/targets/proxmox/tokens/stored-token.js';

function aToken(value: string, id = 'a@pve!token'): StoredToken {
  return { 'full-tokenid': id, info: { expire: 0, privsep: 0 }, value };
}

interface Fake extends Sink {
  kept: StoredToken | undefined;
  /** What it does next, instead of what it should. */
  trouble: Partial<Record<'store' | 'read' | 'putBack', string>>;
}

function fakeSink(place: string, kept?: StoredToken): Fake {
  const sink: Fake = {
    place,
    sealed: undefined,
    kept,
    trouble: {},
    probe: async () => undefined,
    async read() {
      if (sink.trouble.read) throw new Rejected(sink.trouble.read);
      return sink.kept;
    },
    async store(token) {
      if (sink.trouble.store) throw new Rejected(sink.trouble.store);
      const before = sink.kept;
      sink.kept = token;
      return async () => {
        if (sink.trouble.putBack) throw new Rejected(sink.trouble.putBack);
        sink.kept = before;
      };
    },
    async forget(dead) {
      if (!sink.kept || !isDead(sink.kept, dead)) return 'none';
      sink.kept = undefined;
      return 'gone';
    },
    has: async (token) => sink.kept !== undefined && (token === undefined || sink.kept.value === token.value),
    get parts() {
      return [sink];
    },
  };
  return sink;
}

describe('a secret in several places', () => {
  it('is stored in all of them', async () => {
    const [one, two] = [fakeSink('one'), fakeSink('two')];
    const both = createSeveralSinks([one, two]);

    await storeProved(both, aToken('new'));

    expect([one.kept, two.kept]).toEqual([aToken('new'), aToken('new')]);
    expect(both.place).toBe('one, two');
    expect(await both.has(aToken('new'))).toBe(true);
  });

  it('is stored in none of them where the last one fails, and each has what it had', async () => {
    const [one, two, three] = [fakeSink('one', aToken('old')), fakeSink('two'), fakeSink('three', aToken('old'))];
    three.trouble.store = 'three is full';

    const failure = storeProved(createSeveralSinks([one, two, three]), aToken('new'));

    await expect(failure).rejects.toThrow('three is full');
    expect([one.kept, two.kept, three.kept]).toEqual([aToken('old'), undefined, aToken('old')]);
  });

  it('is told of where a place could not be given back what it had, and the others are', async () => {
    const [one, two, three] = [fakeSink('one', aToken('old')), fakeSink('two', aToken('old')), fakeSink('three')];
    one.trouble.putBack = 'one is sealed';
    three.trouble.store = 'three is full';

    const failure = storeProved(createSeveralSinks([one, two, three]), aToken('new'));

    await expect(failure).rejects.toThrow(/three is full.*could not be put back: one is sealed/);
    expect(two.kept).toEqual(aToken('old'));
  });

  it('is read from the first place that gives one', async () => {
    const [one, two] = [fakeSink('one'), fakeSink('two', aToken('kept'))];
    one.trouble.read = 'one is sealed';

    expect(await createSeveralSinks([one, two]).read()).toEqual(aToken('kept'));
  });

  it('is not taken for absent where one of them cannot be looked into', async () => {
    const [one, two] = [fakeSink('one'), fakeSink('two')];
    two.trouble.read = 'two is sealed';

    await expect(createSeveralSinks([one, two]).read()).rejects.toThrow('two is sealed');
  });

  it('does not lie in all of them where one has another', async () => {
    const both = createSeveralSinks([fakeSink('one', aToken('new')), fakeSink('two', aToken('old'))]);

    expect(await both.has(aToken('new'))).toBe(false);
    expect(await both.has()).toBe(true);
  });

  it('is forgotten in all of them, and only where it is the dead one', async () => {
    const [one, two] = [fakeSink('one', aToken('old')), fakeSink('two', aToken('x', 'a@pve!other'))];
    const both = createSeveralSinks([one, two]);

    expect(await both.forget({ fullId: 'a@pve!token' })).toBe('gone');
    expect([one.kept, two.kept?.value]).toEqual([undefined, 'x']);
    expect(await both.forget({ fullId: 'a@pve!token' })).toBe('none');
  });

  it('can be read here where one of them can', () => {
    const sealed = { ...fakeSink('one'), sealed: 'one is encrypted' };

    expect(createSeveralSinks([sealed, fakeSink('two')]).sealed).toBeUndefined();
    expect(createSeveralSinks([sealed, sealed]).sealed).toBe('one is encrypted; one is encrypted');
  });
});

describe('storing with proof', () => {
  it('puts back what was there where the place gives something else back', async () => {
    const sink = fakeSink('odd', aToken('old'));
    const odd: Sink = { ...sink, store: sink.store, read: async () => aToken('other') };

    await expect(storeProved(odd, aToken('new'))).rejects.toThrow(
      'odd does not give back what was stored there; what lay there before was put back',
    );

    expect(sink.kept).toEqual(aToken('old'));
  });
});
