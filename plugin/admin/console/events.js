// What happened, the newest first, as it happens.

import { get } from './api.js';
import { h } from './dom.js';
import { field } from './field.js';
import { mark } from './mark.js';
import { go, link } from './route.js';
import { block } from './session.js';
import { at } from './time.js';

const kinds = [
  'check_down', 'check_up', 'member_down', 'member_up', 'pool_unavailable', 'pool_available', 'set_unavailable', 'set_available',
  'failover_switched', 'failover_back', 'failover_locked', 'failover_unlocked', 'domain_down', 'domain_up', 'frozen', 'thawed',
  'file_failed', 'file_read', 'plan_executed', 'plan_rolled_back', 'plan_put', 'plan_deleted',
  'order', 'order_ended', 'muted', 'unmuted', 'sink_tested', 'started', 'stopped',
];

export const events = {
  title: () => 'Events',
  load: async ({ query }) =>
    (await get('events', { kind: query.getAll('kind'), about: query.get('about'), gtm: query.get('gtm'), limit: 300 })).items,
  draw: (items, { query }) => [
    h('h1', {}, 'Events'),
    filters(query),
    items.length > 0 ? eventList(items) : h('p', { class: 'empty' }, 'Nothing of that kind has happened since this process started.'),
  ],
};

function filters(query) {
  const apply = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    go(link(['events'], { kind: form.get('kind'), about: form.get('about').trim(), gtm: query.get('gtm') }));
  };
  const now = query.get('kind') ?? '';
  return h(
    'form',
    { class: 'filters', onsubmit: apply },
    field('Kind', h('select', { name: 'kind' }, h('option', { value: '' }, 'all'), kinds.map((kind) => h('option', { value: kind, selected: kind === now }, kind.replaceAll('_', ' '))))),
    field('About', h('input', { name: 'about', value: query.get('about') ?? '', placeholder: 'domain, pool, pool/member', size: 28 })),
    h('button', { type: 'submit' }, 'Show'),
  );
}

// eventList is a list of events, the newest first.
export function eventList(items) {
  const newest = [...items].sort((a, b) => b.id - a.id);
  return h('ol', { class: 'events' }, newest.map(line));
}

function line(e) {
  return h(
    'li',
    { 'data-key': e.id, class: e.severity },
    h('span', { class: 'at' }, at(e.at)),
    mark(e.over ? 'up' : e.severity, e.kind.replaceAll('_', ' ')),
    h('span', { class: 'text' }, e.text, by(e), about(e)),
  );
}

const by = (e) => e.author && h('span', { class: 'sub' }, ` \u2014 ${e.author}${e.reason ? `: ${e.reason}` : ''}`);

function about(e) {
  const links = [
    e.pool && e.member && h('a', { href: link(['members', e.pool, e.member], block(e.gtm)) }, `${e.pool}/${e.member}`),
    ...(e.domains ?? []).slice(0, 3).map((name) => h('a', { href: link(['domains', name], block(e.gtm)) }, name)),
    e.domains?.length > 3 && h('span', {}, `and ${e.domains.length - 3} more`),
  ].filter(Boolean);
  return links.length > 0 && h('span', { class: 'about' }, links);
}
