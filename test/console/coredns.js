// The real binary, with a Corefile of its own in a folder of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('coredns', import.meta.url)); // built by `npm test`
const patience = 20_000;

export class CoreDNS {
  // start writes corefile({dns, admin, dir}) and awaits that every check has had
  // a result.
  static async start(corefile, { files = {}, token } = {}) {
    const it = new CoreDNS();
    it.token = token;
    it.dir = await mkdtemp(path.join(os.tmpdir(), 'gtm-console-'));
    const [dns, admin] = await freePorts(2);
    it.url = `http://127.0.0.1:${admin}`;
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(it.dir, name), text);
    await writeFile(path.join(it.dir, 'Corefile'), corefile({ dns, admin: `127.0.0.1:${admin}`, dir: it.dir }));
    try {
      await it.again();
    } catch (fault) {
      await it.stop();
      throw fault;
    }
    return it;
  }

  // again starts it where it was, after kill.
  async again() {
    this.log = '';
    this.process = spawn(binary, ['-conf', 'Corefile'], { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (this.log += text));
    await this.until('it is ready', async () => (await this.get('status')).ready);
  }

  async kill() {
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
  }

  async stop() {
    await this.kill();
    await rm(this.dir, { recursive: true });
  }

  // until awaits something that the API shows.
  async until(what, holds) {
    const deadline = Date.now() + patience;
    let fault;
    while (Date.now() < deadline && this.process.exitCode === null) {
      try {
        if (await holds()) return;
        fault = undefined;
      } catch (problem) {
        fault = problem;
      }
      await new Promise((done) => setTimeout(done, 50));
    }
    const ended = this.process.exitCode === null ? `not within ${patience} ms` : 'it ended by itself';
    throw new Error(`${ended}: ${what}${fault ? ` (${fault.message})` : ''}\n${this.log}`);
  }

  get = (path) => this.call('GET', path);
  post = (path, body) => this.call('POST', path, body);

  async call(method, path, body) {
    const response = await fetch(`${this.url}/api/v1/${path}`, {
      method,
      headers: { ...(body && { 'Content-Type': 'application/json' }), ...(this.token && { Authorization: `Bearer ${this.token}` }) },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}

// freePorts are ports that nothing has: all are held until all are known.
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
