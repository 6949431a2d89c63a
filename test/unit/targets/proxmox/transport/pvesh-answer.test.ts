import { expect, test } from 'vitest';
import { z } from 'zod';
import { errorText, parseData } from '../../../../../src/targets/proxmox/answer.js';
import { kindOf } from '../../../../../src/targets/proxmox/proxmox-error.js';
import { answerOfPvesh } from '../../../../../src/targets/proxmox/transport/pvesh-answer.js';

function dataOf(stdout: string): unknown {
  const { body } = answerOfPvesh({ code: 0, stdout, stderr: 'perl: warning: Setting locale failed.\n' });
  return body.ok ? parseData(body.text, z.unknown()) : body;
}

test.each([
  ['an object', '{"version":"9.1.4"}\n', { version: '9.1.4' }],
  ['a list over several lines', '[\n  1,\n  2\n]\n', [1, 2]],
  ['a text', '"UPID:pve1:0"\n', 'UPID:pve1:0'],
  ['nothing, of a method that returns nothing', '', null],
  ['an empty line', '\n', null],
])('reads %s as the data of a good answer', (_what, stdout, data) => {
  expect(dataOf(stdout)).toEqual({ ok: true, data });
});

test.each([
  ['a table', '│ key │ value │'],
  ['half of an object', '{"a":'],
  ['two texts', '"a" "b"'],
  ['an object and what ends the one around it', '1}, {"data": 2'],
])('takes %s for no answer of PVE', (_what, stdout) => {
  expect(dataOf(stdout)).toMatchObject({ ok: false });
});

const USAGE = 'pvesh create <api_path> [OPTIONS] [FORMAT_OPTIONS]\n';

test.each([
  [
    "create user failed: user 'a@pve' already exists\n",
    500,
    'exists',
    "create user failed: user 'a@pve' already exists",
  ],
  ["no such user ('a@pve')\n", 500, 'no-such-user', "no such user ('a@pve')"],
  [
    `400 Parameter verification failed.\ntokenid: Token already exists.\n${USAGE}`,
    400,
    'exists',
    'Parameter verification failed. tokenid: Token already exists.',
  ],
  [
    `400 Parameter verification failed.\nemail: invalid format - value: x\nexpire: too small\n${USAGE}`,
    400,
    'bad-parameter',
    'Parameter verification failed. email: invalid format - value: x expire: too small',
  ],
  [
    "ACL update failed: 400 Parameter verification failed.\nrole: Cannot add role 'x'\n",
    500,
    'bad-parameter',
    "ACL update failed: 400 Parameter verification failed.\nrole: Cannot add role 'x'",
  ],
  [
    '403 Permission check failed (/access, Sys.Modify)\n',
    403,
    'permission',
    'Permission check failed (/access, Sys.Modify)',
  ],
  [
    "trying to acquire cfs lock 'file-user_cfg' ...\ntrying to acquire cfs lock 'file-user_cfg' ...\nupdate user failed: cfs-lock 'file-user_cfg' error: got lock request timeout\n",
    500,
    'lock-timeout',
    "update user failed: cfs-lock 'file-user_cfg' error: got lock request timeout",
  ],
  ["cfs-lock 'file-user_cfg' error: no quorum!\n", 500, 'no-quorum', "cfs-lock 'file-user_cfg' error: no quorum!"],
  [
    `Unknown option: regenerate\n400 unable to parse option\n${USAGE}`,
    400,
    'bad-parameter',
    'Parameter verification failed. regenerate: property is not defined in schema and the schema does not allow additional properties',
  ],
  ["No 'get' handler defined for '/none'\n", 501, 'other', "No 'get' handler defined for '/none'"],
  [
    'ipcc_send_rec[1] failed: Connection refused\nUnable to load access control list: Connection refused\n',
    595,
    'unavailable',
    'ipcc_send_rec[1] failed: Connection refused\nUnable to load access control list: Connection refused',
  ],
  ['', 500, 'other', 'pvesh ended with 9 and said nothing'],
])('reads %j as HTTP would have said it', (stderr, status, kind, text) => {
  const answer = answerOfPvesh({ code: 9, stdout: '', stderr });

  const read = errorText(answer.body.ok ? answer.body.text : '', answer.reason);
  expect([answer.status, kindOf(answer.status, read), read]).toEqual([status, kind, text]);
});
