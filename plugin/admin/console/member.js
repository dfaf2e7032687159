// A member, with its checks and what their probes found.

import { drain, setMode, setWeight } from './actions.js';
import { get, path } from './api.js';
import { facts } from './domain.js';
import { h } from './dom.js';
import { eventList } from './events.js';
import { history } from './history.js';
import { chip, mark, number, percent, plural } from './mark.js';
import { orderNote } from './orders.js';
import { link } from './route.js';
import { block } from './session.js';
import { ago, at } from './time.js';

export const member = {
  title: ({ segments }) => segments.slice(1).join('/'),
  every: 2000, // probes are no events
  load: async ({ segments: [, pool, name], query }) => {
    const gtm = query.get('gtm');
    const [m, news, counters] = await Promise.all([
      get(path('pools', pool, 'members', name), { gtm }),
      get('events', { about: `${pool}/${name}`, gtm, limit: 20 }),
      get('counters', { gtm, search: `${pool}/${name}`, limit: 20 }),
    ]);
    return { m, news: news.items, counted: counters.items.find((c) => c.kind === 'member' && c.name === `${pool}/${name}`) };
  },
  draw: ({ m, news, counted }) => [
    h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'Overview'), ' / ', h('a', { href: link(['members'], { pool: m.pool, ...block(m.gtm) }) }, `pool ${m.pool}`)),
    h('div', { class: 'heading' }, h('h1', { class: 'mono' }, m.name), mark(m.state), h('div', { class: 'buttons' }, drain(m), setMode(m), setWeight(m))),
    (m.orders ?? []).map(orderNote),
    facts([
      ['Address', m.address],
      ['Why', m.why],
      ['Mode', m.mode],
      ['Weight', m.grown > 0 && m.grown < 100 ? `${m.weight}, ${m.grown} % of it yet` : m.weight],
      ['Answers', counted && answers(counted)],
      ['Answered by', h('ul', { class: 'plain' }, m.sets.map((of) => where(of, m.gtm)))],
    ]),
    m.probes.length > 0 ? m.probes.map(probe) : h('p', { class: 'empty' }, 'It has no checks: it is available while its mode says so.'),
    h('section', { 'aria-label': 'Its events' }, h('h2', {}, 'Its events'), news.length > 0 ? eventList(news) : h('p', { class: 'empty' }, 'None since this process started.')),
  ],
};

function answers(c) {
  return `${number(c.answers)}, ${percent(c.share)} of the pool\u2019s${c.intended ? `; its weight asks for ${percent(c.intended)}` : ''}`;
}

function where(of, gtm) {
  const names = of.domains ?? [];
  return h(
    'li',
    {},
    h('span', { class: 'sub' }, `${of.failover} \u2192 `),
    of.set,
    names.length > 0 && [h('span', { class: 'sub' }, ' for '), names.slice(0, 5).map((name, i) => [i > 0 && ', ', h('a', { href: link(['domains', name], block(gtm)) }, name)])],
    names.length > 5 && ` and ${names.length - 5} more`,
  );
}

function probe(c) {
  return h(
    'section',
    { class: 'probe', 'data-key': `${c.name} ${c.target}`, 'aria-label': `Check ${c.name}` },
    h(
      'div',
      { class: 'node' },
      h('h2', {}, h('span', { class: 'kind' }, 'check'), c.name),
      mark(c.state),
      c.state !== 'up' && c.reason && h('span', { class: 'why' }, c.reason),
      c.streak > 0 && chip(plural(c.streak, 'contrary result'), null, 'warn'),
      c.held && chip('held down', 'It went up and down too often.', 'warn'),
      c.frozen && chip('frozen', 'A mass failure holds its state.', 'warn'),
      c.since && h('span', { class: 'sub' }, 'since ', ago(c.since)),
    ),
    h('p', { class: 'sub' }, `${c.kind} to ${c.target}, every ${c.interval}, timeout ${c.timeout}, down after ${plural(c.fall, 'fail')}, up after ${plural(c.rise, 'pass', 'passes')}`),
    history(c),
    c.results.length > 0 && log(c),
  );
}

function log(c) {
  const rows = [...c.results].reverse().slice(0, 50);
  return h(
    'details',
    {},
    h('summary', {}, 'The results in words'),
    h(
      'table',
      { class: 'list results' },
      h('thead', {}, h('tr', {}, ['At', 'Result', 'Took'].map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, rows.map((r) => h('tr', { 'data-key': r.at }, h('td', {}, at(r.at)), h('td', {}, mark(r.verdict, r.reason ? `${r.verdict}: ${r.reason}` : r.verdict)), h('td', { class: 'figure' }, `${r.rtt_ms.toFixed(1)} ms`)))),
    ),
  );
}
