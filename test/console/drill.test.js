// Drills and alerts, by clicking.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { site } from './site.js';

const here = await site();

const plan = async (name) => (await here.coredns.get('plans')).items.find((p) => p.name === name);

async function because(page, name, confirm) {
  const dialog = page.getByRole('dialog', { name });
  await dialog.getByLabel('Reason', { exact: true }).fill('the yearly drill');
  await dialog.getByRole('button', { name: confirm, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

test('a drill is looked at, executed and rolled back', async (t) => {
  const page = await here.visit(t, '#/plans');
  const card = page.locator('.card').filter({ hasText: 'lose-primary' });
  await card.getByText('unexecuted').waitFor();

  await page.getByRole('button', { name: 'Preview lose-primary' }).click();
  const preview = page.getByRole('dialog', { name: 'Preview of lose-primary' });
  const rule = preview.getByRole('row').filter({ hasText: 'IPv4' }).first();
  await rule.waitFor();
  const [, now, then] = await rule.getByRole('cell').allInnerTexts();
  assert.match(now, /primary/);
  assert.match(then, /backup/);
  await preview.getByRole('button', { name: 'Close' }).click();
  assert.equal((await plan('lose-primary')).state, 'unexecuted');

  await page.getByRole('button', { name: 'Execute lose-primary' }).click();
  await because(page, 'Execute lose-primary', 'Execute');
  await card.getByText('executed', { exact: true }).waitFor();
  await card.getByText(/rolled back by itself/).waitFor();
  assert.equal((await plan('lose-primary')).state, 'executed');
  const during = await here.coredns.post('explain', { name: 'app.example.org', client: '203.0.113.7' });
  assert.match(during.answer.join(), /198\.51\.100\.20/);

  await page.getByRole('button', { name: 'Roll back lose-primary' }).click();
  await because(page, 'Roll back lose-primary', 'Roll back');
  await card.getByText('rolled back', { exact: true }).waitFor();
  assert.equal((await plan('lose-primary')).state, 'rolled_back');
  const after = await here.coredns.post('explain', { name: 'app.example.org', client: '203.0.113.7' });
  assert.match(after.answer.join(), /192\.0\.2\.20/);
});

test('a plan is made, edited and deleted', async (t) => {
  const page = await here.visit(t, '#/plans');
  await page.getByRole('button', { name: 'New plan' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('no-web-1');
  await dialog.getByLabel('Changes, one a line').fill('drain web/web-1');
  await dialog.getByLabel('Note', { exact: true }).fill('before the disk is changed');
  await because(page, 'New plan', 'Keep');
  await page.getByRole('button', { name: 'Edit no-web-1' }).click();
  await page.getByRole('dialog').getByLabel('Changes, one a line').fill('drain web/web-1\nweight web/web-2 5');
  await because(page, 'Edit no-web-1', 'Keep');
  await page.locator('.card').filter({ hasText: 'weight web/web-2 5' }).waitFor();
  assert.deepEqual((await plan('no-web-1')).changes, ['drain web/web-1', 'weight web/web-2 5']);
  await page.getByRole('button', { name: 'Delete no-web-1' }).click();
  await because(page, 'Delete no-web-1', 'Delete');
  await page.getByRole('button', { name: 'Delete no-web-1' }).waitFor({ state: 'detached' });
  assert.equal(await plan('no-web-1'), undefined);
});

test('alerts are muted and unmuted, and a sink is tried', async (t) => {
  const page = await here.visit(t, '#/alerts');
  await page.getByRole('button', { name: 'New mute' }).click();
  await page.getByRole('dialog').getByLabel('Selector', { exact: true }).fill('pool=web');
  await because(page, 'New mute', 'Mute');
  await page.getByText('pool=web').waitFor();
  assert.equal((await here.coredns.get('alerts')).mutes.length, 1);
  await page.getByRole('button', { name: 'Unmute pool=web' }).click();
  await because(page, 'Unmute pool=web', 'Unmute');
  await page.getByRole('button', { name: 'Unmute pool=web' }).waitFor({ state: 'detached' });
  assert.equal((await here.coredns.get('alerts')).mutes.length, 0);

  await page.getByRole('button', { name: 'Send a test ops' }).click();
  await because(page, 'Send a test to ops', 'Send');
  await page.getByText(/[1-9]\d* sent/).waitFor();
  assert.equal((await here.coredns.get('alerts')).sinks[0].failed, 0);
});
