// What happens is seen while it happens, by a page that nobody reloads.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { site } from './site.js';

const here = await site();

afterEach(async () => {
  here.backends.primary.well = true;
  await here.coredns.until('the primary is active again', async () => (await activeSet()) === 'primary');
});

async function activeSet() {
  const { items } = await here.coredns.get('failovers?search=app');
  return items.find((f) => f.name === 'app').active[0].set;
}

test('the overview shows a failover and its end without a reload', async (t) => {
  const page = await here.visit(t, '#/');
  const row = page.getByRole('row').filter({ hasText: 'app.example.org.' });
  await row.getByText('primary', { exact: true }).waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  await page.evaluate(() => (window.sameDocument = true));

  here.backends.primary.well = false;
  await row.getByText('backup', { exact: true }).first().waitFor();
  await row.getByText('degraded').waitFor();
  await page.getByRole('region', { name: 'Latest events' }).getByText('failover switched').first().waitFor();

  here.backends.primary.well = true;
  await row.getByText('primary', { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => window.sameDocument), true);
});

test('what is wrong stands first', async (t) => {
  const page = await here.visit(t, '#/');
  const first = page.locator('table.domains tbody tr').first();
  await first.getByText('www.example.org.').waitFor();
  here.backends.primary.well = false;
  await first.getByText('app.example.org.').waitFor();
});

test('the tree of a domain shows the member, the pool and the active set', async (t) => {
  const page = await here.visit(t, '#/');
  await page.getByRole('link', { name: 'app.example.org.', exact: true }).first().click();
  await page.getByRole('heading', { name: 'app.example.org.' }).waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  const member = page.locator('.member').filter({ hasText: 'pri-1' });
  await member.getByText('available', { exact: true }).waitFor();
  await page.locator('.set.active').filter({ hasText: 'pri-1' }).waitFor();

  here.backends.primary.well = false;
  await member.getByText('unavailable', { exact: true }).waitFor();
  await page.locator('.set.active').filter({ hasText: 'bak-1' }).waitFor();
  await page.locator('.set:not(.active)').filter({ hasText: 'pri-1' }).waitFor();
});

test('a member shows its probes as a picture, fails and all', async (t) => {
  const page = await here.visit(t, '#/members/primary/pri-1');
  const picture = page.getByRole('img', { name: /\d+ passes/ });
  await picture.waitFor();
  here.backends.primary.well = false;
  await picture.locator('g.fail').first().waitFor();
  await page.getByRole('img', { name: /[1-9]\d* fail/ }).waitFor();
  await page.getByText('The results in words').click();
  await page.getByRole('cell', { name: /fail: code 503/ }).first().waitFor();
});

test('focus, typed text and open details outlive what is drawn anew', async (t) => {
  const page = await here.visit(t, '#/');
  const search = page.getByRole('searchbox');
  await search.fill('half a wo');
  here.backends.primary.well = false;
  await page.getByRole('region', { name: 'Latest events' }).getByText('failover switched').first().waitFor();
  await page.getByRole('row').filter({ hasText: 'app.example.org.' }).getByText('degraded').waitFor();
  assert.equal(await search.inputValue(), 'half a wo');
  assert.equal(await search.evaluate((node) => node === document.activeElement), true);
});

test('the events view fills while it is open, and can be narrowed', async (t) => {
  const page = await here.visit(t, '#/events');
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByLabel('Kind', { exact: true }).selectOption('failover_switched');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.waitForURL(/kind=failover_switched/);
  const shown = page.locator('.events li');
  const before = await shown.count();
  here.backends.primary.well = false;
  await shown.nth(before).waitFor();
  assert.match(await shown.first().innerText(), /failover switched/);
});

test('a server that comes back is followed again', async (t) => {
  const page = await here.visit(t, '#/', { allow: ['net::ERR_'] });
  await page.getByText('live', { exact: true }).waitFor();
  await here.coredns.kill();
  await page.getByText('reconnecting', { exact: true }).waitFor();
  await here.coredns.again();
  await page.getByText('live', { exact: true }).waitFor();
  here.backends.primary.well = false;
  await page.getByRole('row').filter({ hasText: 'app.example.org.' }).getByText('degraded').waitFor();
});

test('the kinds of events are those of the API', async (t) => {
  const page = await here.visit(t, '#/events');
  await page.getByLabel('Kind', { exact: true }).waitFor();
  const shown = await page.getByLabel('Kind', { exact: true }).locator('option').evaluateAll((options) => options.map((option) => option.value).filter(Boolean));
  const response = await fetch(`${here.coredns.url}/api/v1/events?kind=none`);
  const { detail } = await response.json();
  assert.deepEqual(shown.sort(), detail.replace(/.*kinds are /, '').split(', ').sort());
});
