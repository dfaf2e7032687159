// Every domain, what is wrong first.

import { get } from './api.js';
import { h } from './dom.js';
import { eventList } from './events.js';
import { chip, mark, number, plural } from './mark.js';
import { go, link } from './route.js';
import { block, session } from './session.js';
import { ago } from './time.js';

const perPage = 100;
const worst = ['down', 'degraded', 'disabled', 'up'];

export const overview = {
  title: () => 'Overview',
  load,
  draw,
};

async function load({ query }) {
  const [status, news, domains] = await Promise.all([get('status'), get('events', { limit: 12 }), ranked(query)]);
  return { status, news: news.items, ...domains };
}

// ranked is a page of the domains, the worst first: the API lists them by state,
// so that the lists of the states one after the other are one list.
async function ranked(query) {
  const wanted = { gtm: query.get('gtm'), search: query.get('search') };
  const counts = Object.fromEntries(
    await Promise.all(worst.map(async (state) => [state, (await get('domains', { ...wanted, state, limit: 1 })).total])),
  );
  const states = worst.includes(query.get('state')) ? [query.get('state')] : worst;
  const total = states.reduce((sum, state) => sum + counts[state], 0);
  let skip = Math.min(offsetOf(query), Math.max(0, total - 1));
  let room = perPage;
  const items = [];
  for (const state of states) {
    if (skip < counts[state] && room > 0) {
      const page = await get('domains', { ...wanted, state, offset: skip, limit: room });
      items.push(...page.items);
      room -= page.items.length;
    }
    skip = Math.max(0, skip - counts[state]);
  }
  return { items, counts, total };
}

const offsetOf = (query) => Math.max(0, Number(query.get('offset')) || 0);

function draw({ status, news, items, counts, total }, { query }) {
  return [
    h('h1', { class: 'quiet' }, 'Overview'),
    h('div', { class: 'tallies' }, tallies(status)),
    h('p', { class: 'standing-line' }, standing(status)),
    h(
      'div',
      { class: 'columns' },
      h(
        'section',
        { 'aria-label': 'Domains' },
        filters(query, counts),
        items.length > 0 ? table(items) : h('p', { class: 'empty' }, 'No domain is like that.'),
        pager(query, total, items.length),
      ),
      h('section', { class: 'news', 'aria-label': 'Latest events' }, h('h2', {}, 'Latest'), eventList(news), h('p', {}, h('a', { href: '#/events' }, 'All events'))),
    ),
  ];
}

function tallies(status) {
  const one = (name, { total, good, bad }, href, words) =>
    h(
      'div',
      { class: 'tally', 'data-key': name },
      h('h2', {}, h('a', { href }, name)),
      h('p', { class: 'figure' }, number(total)),
      h('p', { class: 'parts' }, bad > 0 && mark('down', `${number(bad)} ${words[1]}`), total - good - bad > 0 && mark(words[3] ?? 'degraded', `${number(total - good - bad)} ${words[2]}`), mark('up', `${number(good)} ${words[0]}`)),
    );
  return [
    one('Domains', status.domains, '#/', ['up', 'down', 'degraded or off']),
    one('Pools', status.pools, '#/members', ['up', 'down', 'degraded or off']),
    one('Members', status.members, '#/members', ['available', 'unavailable', 'offline or drained', 'offline']),
    one('Checks', status.checks, '#/members?state=unavailable', ['up', 'down', 'not known yet', 'unknown']),
  ];
}

// standing is what an engineer has to know before anything else.
function standing(status) {
  const parts = [
    !status.ready && mark('warning', 'not all checks have had a first result'),
    status.alerts > 0 && h('a', { href: '#/alerts' }, plural(status.alerts, 'trouble lasts', 'troubles last')),
    status.orders > 0 && h('a', { href: '#/orders' }, plural(status.orders, 'order at work', 'orders at work')),
    status.plans_executed > 0 && h('a', { href: '#/plans' }, plural(status.plans_executed, 'drill is executed', 'drills are executed')),
    status.frozen > 0 && mark('warning', `${plural(status.frozen, 'check is', 'checks are')} frozen by a mass failure`),
    h('span', {}, 'started ', ago(status.started), status.version && `, version ${status.version}`),
  ];
  return parts.filter(Boolean).map((part) => h('span', { class: 'item' }, part));
}

function filters(query, counts) {
  const all = worst.reduce((sum, state) => sum + counts[state], 0);
  const to = (state) => link([], { gtm: query.get('gtm'), search: query.get('search'), state });
  const now = query.get('state') ?? '';
  const search = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    go(link([], { gtm: form.get('gtm'), search: form.get('search').trim(), state: now }));
  };
  return h(
    'div',
    { class: 'filters' },
    h(
      'form',
      { role: 'search', onsubmit: search },
      session.blocks.length > 1 &&
        h('select', { name: 'gtm', 'aria-label': 'Block' }, h('option', { value: '' }, 'all blocks'), session.blocks.map((name) => h('option', { value: name, selected: name === query.get('gtm') }, name))),
      h('input', { type: 'search', name: 'search', 'aria-label': 'Search domains', placeholder: 'Search domains', value: query.get('search') ?? '' }),
      h('button', { type: 'submit' }, 'Search'),
    ),
    h(
      'ul',
      { class: 'tabs', 'aria-label': 'State' },
      ['', ...worst].map((state) =>
        h('li', { 'data-key': state || 'all' }, h('a', { href: to(state), 'aria-current': state === now ? 'true' : null }, state || 'all', ' ', h('span', { class: 'count' }, number(state ? counts[state] : all)))),
      ),
    ),
  );
}

function table(items) {
  const head = ['Domain', 'State', 'Active set', 'Last switch'];
  return h(
    'table',
    { class: 'list domains' },
    h('thead', {}, h('tr', {}, head.map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, items.map(row)),
  );
}

function row(d) {
  return h(
    'tr',
    { 'data-key': `${d.gtm} ${d.name}`, 'data-state': d.state },
    h('td', {}, h('a', { class: 'name', href: link(['domains', d.name], block(d.gtm)) }, d.name), h('span', { class: 'sub' }, 'uses ', d.use, session.blocks.length > 1 && ` \u00b7 ${d.gtm}`)),
    h('td', {}, mark(d.state), d.order && chip('order', `${d.order.change}: ${d.order.reason}`, 'order')),
    h('td', {}, activeSets(d)),
    h('td', {}, ago(d.last_switch) ?? h('span', { class: 'sub' }, 'none')),
  );
}

// activeSets tells each failover's active set once where both families agree.
export function activeSets(d) {
  if (!d.active?.length) return h('span', { class: 'sub' }, plural(d.failovers?.length ?? 0, 'failover'));
  const told = new Map(); // failover, set and why -> families
  for (const a of d.active) {
    const key = JSON.stringify([a.failover, a.set, a.why]);
    told.set(key, [...(told.get(key) ?? []), a]);
  }
  return h(
    'ul',
    { class: 'actives' },
    [...told].map(([key, same]) => {
      const [{ failover, set, why }] = same;
      const apart = d.active.filter((a) => a.failover === failover).length !== same.length;
      return h(
        'li',
        { 'data-key': key },
        h('span', { class: 'sub' }, failover, ' \u2192 '),
        h('strong', {}, set || 'none'),
        why !== 'active' && chip(why.replaceAll('_', ' '), null, why === 'unavailable' ? 'bad' : 'warn'),
        apart && chip(same.map((a) => a.family).join(', ')),
      );
    }),
  );
}

function pager(query, total, shown) {
  const offset = Math.min(offsetOf(query), Math.max(0, total - 1));
  if (total <= perPage) return null;
  const to = (text, rel, at) =>
    at >= 0 && at < total && h('a', { rel, href: link([], { gtm: query.get('gtm'), search: query.get('search'), state: query.get('state'), offset: at }) }, text);
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'Pages' },
    offset > 0 && to('Previous', 'prev', Math.max(0, offset - perPage)),
    h('span', {}, `${number(offset + 1)} to ${number(offset + shown)} of ${number(total)}`),
    to('Next', 'next', offset + perPage),
  );
}
