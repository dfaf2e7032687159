// All members, the ones that are not answered first.

import { get } from './api.js';
import { h } from './dom.js';
import { field } from './field.js';
import { number } from './mark.js';
import { go, link } from './route.js';
import { memberLine } from './tree.js';

const states = ['unavailable', 'drained', 'offline', 'available'];
const most = 300;

export const members = {
  title: () => 'Members',
  load: async ({ query }) => {
    const wanted = { gtm: query.get('gtm'), search: query.get('search'), pool: query.get('pool') };
    const some = states.includes(query.get('state')) ? [query.get('state')] : states;
    const pages = await Promise.all(some.map((state) => get('members', { ...wanted, state, limit: most })));
    return { items: pages.flatMap((page) => page.items).slice(0, most), total: pages.reduce((sum, page) => sum + page.total, 0) };
  },
  draw: ({ items, total }, { query }) => [
    h('h1', {}, 'Members'),
    filters(query),
    items.length > 0 ? h('ul', { class: 'members wide' }, items.map((m) => memberLine(m, true))) : h('p', { class: 'empty' }, 'No member is like that.'),
    total > items.length && h('p', { class: 'hint' }, `${number(items.length)} of ${number(total)}: search for the others.`),
  ],
};

function filters(query) {
  const apply = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    go(link(['members'], { search: form.get('search').trim(), state: form.get('state'), pool: form.get('pool').trim(), gtm: query.get('gtm') }));
  };
  return h(
    'form',
    { class: 'filters', role: 'search', onsubmit: apply },
    h('input', { type: 'search', name: 'search', 'aria-label': 'Search members', placeholder: 'Name or address', value: query.get('search') ?? '' }),
    field('Pool', h('input', { name: 'pool', value: query.get('pool') ?? '', size: 14 })),
    field('State', h('select', { name: 'state' }, h('option', { value: '' }, 'all'), states.map((state) => h('option', { value: state, selected: state === query.get('state') }, state)))),
    h('button', { type: 'submit' }, 'Search'),
  );
}
