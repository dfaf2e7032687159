// Who may do what, and many domains.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Browser } from './browser.js';
import { CoreDNS } from './coredns.js';

const many = 250;
const token = 'a-token-of-thirty-two-characters';
const corefile = ({ dns, admin }) => `
example.org:${dns} {
    bind 127.0.0.1
    gtm {
        admin ${admin} {
            token token
            read_only
        }
        pool web {
            address 192.0.2.10
        }
        domain ${Array.from({ length: many }, (_, i) => `d${i}.example.org`).join(' ')} use web
    }
}
`;

const browser = await Browser.start();
after(() => browser.stop());
const coredns = await CoreDNS.start(corefile, { files: { token: `night-shift ${token}\n` }, token });
after(() => coredns.stop());

// signedIn opens a place with the token in its session.
const signedIn = (t, place) => browser.visit(t, `${coredns.url}/${place}`, { token });

test('a token is asked for, and a wrong one is not taken', async (t) => {
  const page = await browser.visit(t, `${coredns.url}/`, { allow: ['401'] });
  const dialog = page.getByRole('dialog', { name: 'This server wants a token' });
  await dialog.getByLabel('Token', { exact: true }).fill('wrong');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByText('The token was not accepted.').waitFor();
  await dialog.getByLabel('Token', { exact: true }).fill(token);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'd0.example.org.' }).waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await page.reload();
  await page.getByRole('link', { name: 'd0.example.org.' }).waitFor();
});

test('without a token the page says why it is empty', async (t) => {
  const page = await browser.visit(t, `${coredns.url}/`, { allow: ['401'] });
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('dialog').waitFor();
});

test('who may only read is shown no action', async (t) => {
  const page = await signedIn(t, '#/domains/d0.example.org.');
  await page.getByText('night-shift').waitFor();
  await page.getByText('read only').waitFor();
  await page.locator('.member').waitFor();
  assert.equal(await page.getByRole('main').getByRole('button').count(), 0);
});

test('many domains are paged and searched', async (t) => {
  const page = await signedIn(t, '#/');
  const rows = page.locator('table.domains tbody tr');
  await page.getByText(`1 to 100 of ${many}`).waitFor();
  assert.equal(await rows.count(), 100);
  await page.getByRole('link', { name: 'Next' }).click();
  await page.getByText(`101 to 200 of ${many}`).waitFor();
  await page.getByRole('link', { name: 'Next' }).click();
  await page.getByText(`201 to 250 of ${many}`).waitFor();
  assert.equal(await rows.count(), 50);

  await page.getByRole('searchbox').fill('d24');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/search=d24/);
  await page.getByRole('link', { name: /all 11/ }).waitFor();
  assert.equal(await rows.count(), 11);
});
