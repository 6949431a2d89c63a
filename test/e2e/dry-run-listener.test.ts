import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Lab, openLab } from '../lab/lab.js';
import { queueAtRest } from '../lab/look.js';
import { waitFor } from '../lab/wait.js';

let lab: Lab;

beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

it('leaves the subscriptions of whoever runs in earnest alone in a dry run, whatever it is told meanwhile', async () => {
  lab.start();
  await lab.ready();
  await queueAtRest(lab);
  await lab.stopAll();
  const before = lab.entra.subscriptions();
  lab.setSettings({ DRY_RUN: 'true' });
  lab.start();
  await waitFor('the start', () => lab.log().split('core.started').length > 2);

  const nested = lab.entra.directory.addGroup({ displayName: 'nested' });
  lab.entra.directory.addMember(lab.groups.everybody, nested);
  await waitFor('the new group to be found', () => lab.log().includes('listener.tree.changed'));
  await queueAtRest(lab);
  const renewed = await lab.entramox('subscriptions', 'renew');
  const deleted = await lab.entramox('subscriptions', 'delete');

  expect(renewed).toMatchObject({ code: 2, stderr: expect.stringContaining('DRY_RUN is on') });
  expect(deleted).toMatchObject({ code: 2, stderr: expect.stringContaining('DRY_RUN is on') });
  expect(before.length).toBeGreaterThan(1);
  expect(lab.entra.subscriptions()).toEqual(before);
});
