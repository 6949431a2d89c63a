import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * A vitest reporter that leaves the outcome of a run as JSON in the file named by OUTCOME_FILE. Unlike vitest's own
 * JSON it keeps the reason of each skipped test, and counts a file that cannot be loaded as a failure.
 */
export default class OutcomeReporter {
  onInit(vitest) {
    this.root = vitest.config.root;
  }

  onTestRunEnd(modules, unhandledErrors) {
    const outcome = { passed: 0, failed: [], skipped: [], wavering: [] };
    for (const module of modules) collect(module, relative(this.root, module.moduleId), outcome);
    for (const error of unhandledErrors)
      outcome.failed.push({ name: 'outside any test', why: firstLine(error.message) });
    writeFileSync(process.env.OUTCOME_FILE, JSON.stringify(outcome));
  }
}

function collect(module, file, outcome) {
  // A file or a beforeAll that throws takes its tests with it: they are then reported as skipped, which they are not.
  const broken = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  for (const suite of broken) {
    const where = suite === module ? file : `${file} > ${suite.fullName}`;
    outcome.failed.push({ name: where, why: firstLine(suite.errors()[0].message) });
  }
  for (const test of module.children.allTests()) {
    const { state, errors, note } = test.result();
    const name = `${file} > ${test.fullName}`;
    if (state === 'passed') {
      outcome.passed += 1;
      if (test.diagnostic()?.flaky) outcome.wavering.push({ name, why: firstLine(errors?.[0]?.message) });
    } else if (state === 'failed') outcome.failed.push({ name, why: firstLine(errors[0]?.message) });
    else if (state === 'skipped') outcome.skipped.push({ name, why: note ?? withoutNote(test, broken) });
    else outcome.failed.push({ name, why: 'it never ended' });
  }
}

function withoutNote(test, broken) {
  for (let suite = test.parent; suite !== undefined; suite = suite.parent) {
    if (broken.includes(suite)) return 'its set-up failed';
  }
  return 'no reason given';
}

function firstLine(text = 'no message') {
  return String(text).split('\n', 1)[0];
}
