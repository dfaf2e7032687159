// A small site that most tests look at: two pools for www, a primary and a
// backup for app, behind a policy, and a plan.

import { after } from 'node:test';

import { Backend } from './backend.js';
import { Browser } from './browser.js';
import { CoreDNS } from './coredns.js';

// site starts all of it, and ends it after the tests of the file.
export async function site() {
  const it = { backends: {} };
  after(async () => {
    await it.browser?.stop();
    await it.coredns?.stop();
    await Promise.all(Object.values(it.backends).map((backend) => backend.stop()));
  });
  for (const name of ['web1', 'web2', 'primary', 'backup', 'sink']) it.backends[name] = await Backend.start();
  it.coredns = await CoreDNS.start((at) => corefile(at, it.backends));
  it.browser = await Browser.start();
  // visit opens a place of the console.
  it.visit = (t, place, options) => it.browser.visit(t, `${it.coredns.url}/${place}`, options);
  return it;
}

const corefile = ({ dns, admin }, { web1, web2, primary, backup, sink }) => `
example.org:${dns} {
    bind 127.0.0.1
    gtm {
        ttl 30 min 5
        state gtm.state
        admin ${admin}
        notify ops webhook http://${sink.address}/hook

        check quick http {
            path /healthz
            interval 250ms
            timeout 200ms
            recheck 100ms
            fall 2
            rise 1
        }
        pool web {
            address 192.0.2.10 name web-1 probe ${web1.address}
            address 192.0.2.11 name web-2 probe ${web2.address}
            check quick
        }
        pool primary {
            address 192.0.2.20 name pri-1 probe ${primary.address}
            check quick
        }
        pool backup {
            address 198.51.100.20 name bak-1 probe ${backup.address}
            check quick
        }
        pool office {
            address 10.0.0.10
        }
        failover app {
            set primary
            set backup
        }
        policy by-network geo {
            from 10.0.0.0/8 use office fence
            default use app
        }
        plan lose-primary {
            down pool primary
            note "What if the first site burns"
        }
        domain www.example.org *.apps.example.org use web
        domain app.example.org use by-network
        domain shop.example.org api.example.org use app
    }
}
`;
