// What an operator does, by clicking and by keyboard alone.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { site } from './site.js';

const here = await site();

afterEach(async () => {
  for (const order of (await here.coredns.get('orders')).items) {
    await here.coredns.post('orders', { change: order.undo, reason: 'end of a test', force: true });
  }
});

const state = async (member) => (await here.coredns.get(`pools/${member.replace('/', '/members/')}`)).state;

test('a member is drained and undrained by clicking', async (t) => {
  const page = await here.visit(t, '#/domains/www.example.org.');
  await page.getByRole('button', { name: 'Drain web/web-1' }).click();
  const dialog = page.getByRole('dialog', { name: 'Drain web/web-1' });
  await dialog.getByText('What it does').waitFor();
  await dialog.getByText(/domains? changes?|No answer changes/).waitFor();
  assert.equal(await state('web/web-1'), 'available', 'a preview changes nothing');
  await dialog.getByLabel('Reason', { exact: true }).fill('new disk');
  await dialog.getByLabel('Ends', { exact: true }).selectOption('1h');
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await page.getByRole('status').filter({ hasText: 'safe to stop at' }).waitFor();
  const member = page.locator('.member').filter({ hasText: 'web-1' });
  await member.getByText('drained', { exact: true }).waitFor();

  assert.equal(await state('web/web-1'), 'drained');
  const { items } = await here.coredns.get('orders');
  assert.equal(items.length, 1);
  assert.equal(items[0].reason, 'new disk');
  assert.ok(items[0].expires);
  const { answer } = await here.coredns.post('explain', { name: 'www.example.org', client: '203.0.113.7' });
  assert.deepEqual(answer.filter((record) => record.includes('192.0.2.10')), []);

  await page.getByRole('button', { name: 'Undrain web/web-1' }).click();
  const back = page.getByRole('dialog', { name: 'Undrain web/web-1' });
  await back.getByLabel('Reason', { exact: true }).fill('disk is in');
  await back.getByRole('button', { name: 'Undrain' }).click();
  await member.getByText('available', { exact: true }).waitFor();
  assert.equal(await state('web/web-1'), 'available');
});

test('a member is drained by keyboard alone', async (t) => {
  const page = await here.visit(t, '#/domains/www.example.org.');
  const button = page.getByRole('button', { name: 'Drain web/web-2' });
  await button.waitFor();
  await tabTo(page, button);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  assert.equal(await dialog.getByLabel('Reason', { exact: true }).evaluate((node) => node === document.activeElement), true, 'the reason has the focus');

  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await button.evaluate((node) => node === document.activeElement), true, 'the focus is where it was');
  assert.equal(await state('web/web-2'), 'available');

  await page.keyboard.press('Enter');
  await page.keyboard.type('night shift');
  await tabTo(page, dialog.getByRole('button', { name: 'Drain' }));
  await page.keyboard.press('Enter');
  await page.locator('.member').filter({ hasText: 'web-2' }).getByText('drained', { exact: true }).waitFor();
  assert.equal(await state('web/web-2'), 'drained');
});

async function tabTo(page, target) {
  for (let i = 0; i < 60; i++) {
    if (await target.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail('the tab key does not get there');
}

test('the skip link leads to the content', async (t) => {
  const page = await here.visit(t, '#/');
  await page.getByRole('link', { name: 'www.example.org.' }).first().waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  assert.match(page.url(), /#\/$/);
});

test('a dialog without a reason changes nothing', async (t) => {
  const page = await here.visit(t, '#/domains/www.example.org.');
  await page.getByRole('button', { name: 'Drain web/web-1' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Drain' }).click();
  assert.equal(await dialog.getByLabel('Reason', { exact: true }).evaluate((node) => node.validity.valueMissing), true);
  assert.equal(await dialog.isVisible(), true);
  assert.deepEqual((await here.coredns.get('orders')).items, []);
});

test('what is text stays text', async (t) => {
  const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
  const page = await here.visit(t, '#/members/web/web-1');
  await page.getByRole('button', { name: 'Drain web/web-1' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason', { exact: true }).fill(evil);
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await page.locator('.order .reason').getByText(evil).waitFor();
  for (const place of ['#/orders', '#/events', '#/', '#/domains/www.example.org.']) {
    await page.goto(`${here.coredns.url}/${place}`);
    await page.getByRole('main').getByText(evil).first().waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
  }
  const name = encodeURIComponent('<img src=x onerror=alert(1)>');
  assert.equal(await page.locator('img').count(), 0);
  await page.goto(`${here.coredns.url}/#/events?about=${name}`);
  await page.getByText('Nothing of that kind').waitFor();
  assert.equal(await page.locator('img').count(), 0);
});

test('mode, weight and pin are set, and taken back from the orders', async (t) => {
  const page = await here.visit(t, '#/members/web/web-1');
  await give(page, 'Mode web/web-1', { Mode: 'online' }, 'Set the mode');
  await page.locator('.order code').getByText('mode web/web-1 online').waitFor();
  await give(page, 'Weight web/web-1', { Weight: '7' }, 'Set the weight');
  await page.locator('.order code').getByText('weight web/web-1 7').waitFor();

  await page.goto(`${here.coredns.url}/#/domains/app.example.org.`);
  await give(page, 'Pin app', { Set: 'backup' }, 'Pin');
  await page.locator('.set.active').filter({ hasText: 'bak-1' }).waitFor();

  await page.getByRole('link', { name: 'Orders', exact: true }).click();
  await page.getByRole('heading', { name: 'Orders at work' }).waitFor();
  assert.deepEqual(await page.locator('.order code').allInnerTexts().then((all) => all.sort()), ['mode web/web-1 online', 'pin app backup', 'weight web/web-1 7']);
  for (const name of ['Take back pin app backup', 'Take back mode web/web-1 online', 'Take back weight web/web-1 7']) {
    await page.getByRole('button', { name }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason', { exact: true }).fill('over');
    await dialog.getByRole('button', { name: 'Take back' }).click();
    await page.getByRole('button', { name }).waitFor({ state: 'detached' });
  }
  assert.deepEqual((await here.coredns.get('orders')).items, []);
});

// give opens the dialog of a button, fills it and confirms.
async function give(page, button, fields, confirm) {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  for (const [label, value] of Object.entries(fields)) {
    const field = dialog.getByLabel(label, { exact: true });
    if (await field.evaluate((node) => node.nodeName === 'SELECT')) await field.selectOption(value);
    else await field.fill(value);
  }
  await dialog.getByLabel('Reason', { exact: true }).fill('a test');
  await dialog.getByRole('button', { name: confirm }).click();
  await dialog.waitFor({ state: 'detached' });
}

test('what would leave clients without an answer is refused until it is forced', async (t) => {
  const page = await here.visit(t, '#/domains/www.example.org.', { allow: ['Failed to load resource'] });
  await page.getByRole('button', { name: 'Disable pool web' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/left without any available member/).waitFor();
  await dialog.getByLabel('Reason', { exact: true }).fill('on purpose');
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await dialog.getByRole('alert').getByText(/\w+/).waitFor();
  assert.deepEqual((await here.coredns.get('orders')).items, []);
  await dialog.getByRole('checkbox').check();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Enable pool web' }).waitFor();
});
