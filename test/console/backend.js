// A server that a check probes, which can fall ill and recover.

import { once } from 'node:events';
import http from 'node:http';

export class Backend {
  well = true;

  static async start() {
    const backend = new Backend();
    backend.server = http.createServer((request, response) => {
      response.writeHead(backend.well ? 200 : 503).end();
    });
    backend.server.listen(0, '127.0.0.1');
    await once(backend.server, 'listening');
    backend.address = `127.0.0.1:${backend.server.address().port}`;
    return backend;
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
