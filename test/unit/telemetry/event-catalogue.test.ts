import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { renderEventCatalogue } from '../../../src/telemetry/events/catalogue.js';
import { events } from '../../../src/telemetry/events/index.js';

const page = fileURLToPath(new URL('../../../docs/events.md', import.meta.url));

describe('the catalogue of events', () => {
  it('is what docs/events.md holds (npm run events writes it)', () => {
    expect(readFileSync(page, 'utf8')).toBe(renderEventCatalogue());
  });

  it('has static texts: nothing in them varies', () => {
    for (const { text } of Object.values(events)) expect(text).not.toMatch(/[$%{}]/);
  });
});
