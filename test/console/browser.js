// A real Chromium. A page of it fails its test when the console logs an error,
// throws, or breaks its own content security policy.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

import { chromium } from 'playwright-core';

const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();

export class Browser {
  static async start() {
    const browser = new Browser();
    // The sandbox wants user namespaces, which containers often lack; every page is our own.
    browser.chromium = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    return browser;
  }

  stop = () => this.chromium.close();

  // visit opens an address in a session of its own. allow are parts of console
  // errors that the test brings about itself; token is that of a session that goes on.
  async visit(t, url, { allow = [], token, ...options } = {}) {
    const context = await this.chromium.newContext({ reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const faults = [];
    if (token) await page.addInitScript((token) => sessionStorage.setItem('gtm-token', token), token);
    const fault = (text) => allow.some((part) => text.includes(part)) || faults.push(text);
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && fault(message.text()));
    page.on('pageerror', (thrown) => fault(thrown.stack));
    await page.exposeFunction('violated', fault);
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', (e) => window.violated(`${e.violatedDirective}: ${e.blockedURI} ${e.sample}`));
    });
    t.after(async () => {
      await context.close();
      assert.deepEqual(faults, []);
    });
    await page.goto(url);
    return page;
  }
}
