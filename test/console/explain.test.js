// Why an answer is what it is, and what it would be, by clicking.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { site } from './site.js';

const here = await site();

test('an answer is explained', async (t) => {
  const page = await here.visit(t, '');
  await page.getByRole('link', { name: 'Explain', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('app.example.org');
  await page.getByLabel('Client', { exact: true }).fill('10.1.2.3');
  await page.getByRole('button', { name: 'Explain' }).click();
  const told = page.getByRole('region', { name: 'Explanation' });
  await told.getByText('NOERROR').waitFor();
  assert.match(await told.getByRole('region', { name: 'Answer' }).innerText(), /10\.0\.0\.10/);
  assert.match(await told.locator('.steps').innerText(), /by-network/);

  await page.getByLabel('Client', { exact: true }).fill('203.0.113.7');
  await page.getByRole('button', { name: 'Explain' }).click();
  await told.getByText('192.0.2.20').first().waitFor();
});

test('an explanation can be linked to from a domain', async (t) => {
  const page = await here.visit(t, '#/domains/www.example.org.');
  await page.getByRole('main').getByRole('link', { name: 'Explain' }).click();
  await page.getByRole('region', { name: 'Answer' }).getByText(/192\.0\.2\.1[01]/).first().waitFor();
});

test('a question that cannot be asked is refused in the words of the API', async (t) => {
  const page = await here.visit(t, '#/explain?name=www.example.org&client=not-an-address', { allow: ['Failed to load resource'] });
  const refusal = page.getByRole('alert');
  await refusal.waitFor();
  assert.match(await refusal.innerText(), /not-an-address/);
});

test('a supposition shows what would change, and changes nothing', async (t) => {
  const page = await here.visit(t, '#/whatif');
  await page.getByLabel('Change', { exact: true }).selectOption('down pool');
  await page.getByLabel('Of what').selectOption('primary');
  await page.getByRole('button', { name: 'Add' }).click();
  assert.equal(await page.getByLabel('Changes, one a line').inputValue(), 'down pool primary');
  await page.getByRole('button', { name: 'Show the difference' }).click();
  const difference = page.getByRole('region', { name: 'Difference' });
  const rule = difference.getByRole('row').filter({ hasText: 'IPv4' }).first();
  await rule.waitFor();
  const [, now, then] = await rule.getByRole('cell').allInnerTexts();
  assert.match(now, /primary/);
  assert.match(then, /backup/);
  const { items } = await here.coredns.get('orders');
  assert.deepEqual(items, []);
});

test('a supposition for one client shows both explanations', async (t) => {
  const page = await here.visit(t, '#/whatif?suppose=down+pool+primary&name=app.example.org&client=203.0.113.7');
  await page.getByText('This client now').waitFor();
  const answers = await page.getByRole('region', { name: 'Answer' }).allInnerTexts();
  assert.match(answers[0], /192\.0\.2\.20/);
  assert.match(answers[1], /198\.51\.100\.20/);
});

test('a supposition that empties a rule says so', async (t) => {
  const page = await here.visit(t, '#/whatif?suppose=down+pool+web');
  await page.getByText(/left without any available member/).waitFor();
});
