// A domain, with its tree from policy to members.

import { disableDomain } from './actions.js';
import { get, path } from './api.js';
import { h } from './dom.js';
import { eventList } from './events.js';
import { mark } from './mark.js';
import { orderNote } from './orders.js';
import { activeSets } from './overview.js';
import { link } from './route.js';
import { block } from './session.js';
import { ago } from './time.js';
import { tree } from './tree.js';

export const domain = {
  title: ({ segments }) => segments[1] ?? 'Domain',
  load: async ({ segments, query }) => {
    const name = segments[1];
    const gtm = query.get('gtm');
    const [tree, all] = await Promise.all([get(path('domains', name), { gtm }), get('events', { gtm, limit: 1000 })]);
    const about = named(tree.target, { pools: new Set(), failovers: new Set() });
    const news = all.items.filter((e) => e.gtm === tree.gtm && (e.domains?.includes(tree.name) || about.pools.has(e.pool) || about.failovers.has(e.failover)));
    return { tree, news: news.slice(-20) };
  },
  draw: ({ tree: d, news }) => [
    h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'Overview')),
    h('div', { class: 'heading' }, h('h1', { class: 'mono' }, d.name), mark(d.state), buttons(d)),
    d.order && orderNote(d.order),
    facts([
      ['Uses', d.use],
      ['TTL', d.min_ttl && d.min_ttl !== d.ttl ? `${d.ttl} s, ${d.min_ttl} s in unsettled times` : `${d.ttl} s`],
      ['On all down', d.on_all_down],
      ['Last switch', ago(d.last_switch) ?? 'none since the start'],
      ['Active', activeSets(d)],
    ]),
    h('section', { 'aria-label': 'From policy to members' }, tree(d.target, d.gtm)),
    h('section', { 'aria-label': 'Its events' }, h('h2', {}, 'Its events'), news.length > 0 ? eventList(news) : h('p', { class: 'empty' }, 'None since this process started.')),
  ],
};

// named collects what a domain leads to: what happens there is its concern.
function named({ policy, failover }, found) {
  for (const branch of policy?.targets ?? []) {
    if (branch.target) named(branch.target, found);
  }
  if (failover) {
    found.failovers.add(failover.name);
    for (const set of failover.tree) for (const pool of set.tree) found.pools.add(pool.name);
  }
  return found;
}

function buttons(d) {
  const ask = { name: d.name, ...block(d.gtm) };
  return h(
    'div',
    { class: 'buttons' },
    h('a', { class: 'button', href: link(['explain'], ask) }, 'Explain'),
    h('a', { class: 'button', href: link(['whatif'], { domain: d.name, ...block(d.gtm) }) }, 'What if'),
    disableDomain(d),
  );
}

// facts is a list of terms and what they are, without those that are not there.
export function facts(pairs) {
  return h(
    'dl',
    { class: 'facts' },
    pairs.filter(([, value]) => value !== undefined && value !== null && value !== '').map(([term, value]) => h('div', { 'data-key': term }, h('dt', {}, term), h('dd', {}, value))),
  );
}
