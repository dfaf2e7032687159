// Every view: for all eyes, in light and dark, on a phone, under a strict policy.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { site } from './site.js';

const here = await site();
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// view -> what is awaited in it
const views = {
  '#/': '.domains tbody tr',
  '#/domains/app.example.org.': '.tree .member',
  '#/members': '.member',
  '#/members/primary/pri-1': '.history svg',
  '#/events': '.events li',
  '#/explain?name=app.example.org&client=203.0.113.7': '.steps li',
  '#/whatif?suppose=down+pool+web&suppose=down+pool+primary&name=app.example.org': '.difference .lost',
  '#/plans': '.card',
  '#/orders': '.order',
  '#/alerts': '.card',
  '#/nothing': 'h1',
};

// Something of everything: a member that is down, a backup at work, an order.
here.backends.primary.well = false;
await here.coredns.post('orders', { change: 'drain web/web-2', reason: 'new disk', for: '2h' });
await here.coredns.until('the backup is active', async () => (await here.coredns.get('domains?state=degraded')).total > 0);

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds no serious fault in the ${colorScheme} views`, async (t) => {
    for (const [view, sign] of Object.entries(views)) {
      const page = await here.visit(t, view, { colorScheme });
      await page.locator(sign).first().waitFor();
      assert.deepEqual(await faults(page), [], view);
      await page.context().close();
    }
  });

  test(`axe finds no serious fault in the ${colorScheme} dialogs`, async (t) => {
    for (const [view, button] of [
      ['#/domains/app.example.org.', 'Pin app'],
      ['#/members/web/web-1', 'Drain web/web-1'],
      ['#/plans', 'Execute lose-primary'],
      ['#/plans', 'New plan'],
      ['#/alerts', 'New mute'],
    ]) {
      const page = await here.visit(t, view, { colorScheme });
      await page.getByRole('button', { name: button, exact: true }).click();
      await page.getByRole('dialog').waitFor();
      assert.deepEqual(await faults(page), [], button);
      await page.context().close();
    }
  });
}

async function faults(page) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run());
  assert.ok(passes.length > 10, 'axe has looked');
  return violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`);
}

test('axe would find one', async (t) => {
  const page = await here.visit(t, '#/');
  await page.locator('.domains').waitFor();
  await page.evaluate(() => document.querySelector('main').append(document.createElement('button')));
  assert.match((await faults(page)).join(), /button-name/);
});

test('nothing is wider than a phone', async (t) => {
  for (const [view, sign] of Object.entries(views)) {
    const page = await here.visit(t, view, { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true });
    await page.locator(sign).first().waitFor();
    const { wide, out } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      out: [...document.querySelectorAll('body *')].filter((node) => node.getBoundingClientRect().right > 321 && !node.closest('.scroll')).map((node) => node.outerHTML.slice(0, 120)),
    }));
    assert.equal(wide, 320, view);
    assert.deepEqual(out, [], view);
    await page.context().close();
  }
});

test('scripts and styles of others are not run', async (t) => {
  const response = await fetch(`${here.coredns.url}/`);
  const policy = response.headers.get('content-security-policy');
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"]) assert.ok(policy.includes(part), policy);
  assert.doesNotMatch(policy, /unsafe/);

  const page = await here.visit(t, '#/', { allow: ['script-src', 'Trusted', 'trusted'] });
  await page.locator('.domains').waitFor();
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.append('window.pwned = 1');
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  const foreign = await page.evaluate(() => performance.getEntriesByType('resource').map((one) => new URL(one.name).origin).filter((origin) => origin !== location.origin && origin !== 'null'));
  assert.deepEqual(foreign, []);
});

test('motion is left out for those who want none', async (t) => {
  const page = await here.visit(t, '#/');
  await page.locator('.domains').waitFor();
  assert.deepEqual(await page.evaluate(() => document.getAnimations().length), 0);
});
