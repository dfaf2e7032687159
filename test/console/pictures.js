// The pictures in docs/, of the real console: `npm run pictures`.

import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { site } from './site.js';

const here = await site();

const picture = (page, name) => page.screenshot({ path: fileURLToPath(new URL(`../../docs/console-${name}.png`, import.meta.url)) });

const wide = { viewport: { width: 1180, height: 720 } };

test('pictures', async (t) => {
  await here.coredns.post('orders', { change: 'drain web/web-2', reason: 'new disk', for: '2h' });

  const member = await here.visit(t, '#/members/primary/pri-1', wide);
  await member.locator('g.pass').nth(12).waitFor();
  here.backends.primary.well = false;
  await member.locator('g.fail').nth(4).waitFor();
  await picture(member, 'member');

  const overview = await here.visit(t, '#/', wide);
  await overview.getByText('degraded').first().waitFor();
  await overview.getByText('live', { exact: true }).waitFor();
  await picture(overview, 'overview');

  const domain = await here.visit(t, '#/domains/app.example.org.', { ...wide, viewport: { width: 1180, height: 860 }, colorScheme: 'dark' });
  await domain.locator('.set.active').filter({ hasText: 'bak-1' }).waitFor();
  await picture(domain, 'domain');

  const phone = await here.visit(t, '#/domains/app.example.org.', { viewport: { width: 360, height: 720 }, isMobile: true });
  await phone.locator('.set.active').first().waitFor();
  await picture(phone, 'phone');

  const explain = await here.visit(t, '#/explain?name=app.example.org&client=203.0.113.7', wide);
  await explain.locator('.steps li').first().waitFor();
  await picture(explain, 'explain');

  here.backends.primary.well = true;
  const drill = await here.visit(t, '#/plans', wide);
  await here.coredns.until('the primary is active', async () => (await here.coredns.get('domains?state=degraded')).total === 0);
  await drill.getByRole('button', { name: 'Execute lose-primary' }).click();
  await drill.getByRole('dialog').getByRole('cell').first().waitFor();
  await drill.getByLabel('Reason', { exact: true }).fill('the yearly drill');
  await picture(drill, 'drill');
});
