import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderEventCatalogue } from '../src/telemetry/events/catalogue.js';

writeFileSync(fileURLToPath(new URL('../docs/events.md', import.meta.url)), renderEventCatalogue());
