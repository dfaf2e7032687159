// Two gtm blocks at one address, with the same names in both.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Browser } from './browser.js';
import { CoreDNS } from './coredns.js';

const block = (zone, admin, address) => `
    gtm ${zone} {
        admin ${admin}
        pool web {
            address ${address} name web-1
            address 192.0.2.99 name web-2
        }
        domain www.${zone} use web
    }`;

const browser = await Browser.start();
after(() => browser.stop());
const coredns = await CoreDNS.start(({ dns, admin }) => `
.:${dns} {
    bind 127.0.0.1
    ${block('example.org', admin, '192.0.2.10')}
    ${block('example.net', admin, '192.0.2.20')}
}
`);
after(() => coredns.stop());

test('each block has its own domains, members and orders', async (t) => {
  const page = await browser.visit(t, `${coredns.url}/`);
  await page.getByRole('link', { name: 'www.example.org.' }).waitFor();
  await page.getByRole('link', { name: 'www.example.net.' }).click();
  await page.getByText('192.0.2.20').waitFor();
  assert.equal(await page.getByText('192.0.2.10').count(), 0);

  await page.getByRole('button', { name: 'Drain web/web-1' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason', { exact: true }).fill('new disk');
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await page.locator('.member').filter({ hasText: 'web-1' }).getByText('drained', { exact: true }).waitFor();
  assert.deepEqual((await coredns.get('orders')).items.map((o) => o.gtm), ['example.net']);

  await page.getByRole('link', { name: 'web-1' }).first().click();
  await page.getByRole('heading', { name: 'web-1' }).waitFor();
  await page.getByRole('link', { name: 'www.example.net.' }).first().click();
  await page.getByRole('heading', { name: 'www.example.net.' }).waitFor();

  await page.getByRole('main').getByRole('link', { name: 'Explain' }).click();
  await page.getByRole('region', { name: 'Answer' }).getByText('192.0.2.99').waitFor();
});

test('a supposition is of one block', async (t) => {
  const page = await browser.visit(t, `${coredns.url}/#/whatif`);
  await page.getByLabel('Block', { exact: true }).selectOption('example.net');
  await page.getByLabel('Changes, one a line').fill('down pool web');
  await page.getByRole('button', { name: 'Show the difference' }).click();
  await page.getByRole('region', { name: 'Difference' }).getByText('www.example.net. (everyone, IPv4)').waitFor();
  assert.equal(await page.getByLabel('Block', { exact: true }).inputValue(), 'example.net');
});
