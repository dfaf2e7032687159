// The orders at work: what operators have said over the configuration.

import { undo } from './actions.js';
import { get } from './api.js';
import { h } from './dom.js';
import { ago, clockTime } from './time.js';

export const orders = {
  title: () => 'Orders',
  load: async ({ query }) => (await get('orders', { gtm: query.get('gtm') })).items,
  draw: (items) => [
    h('h1', {}, 'Orders at work'),
    items.length > 0
      ? h('ul', { class: 'cards' }, items.map((o) => h('li', { class: 'card', 'data-key': `${o.gtm} ${o.change}` }, orderNote(o))))
      : h('p', { class: 'empty' }, 'None: everything is as the Corefile says.'),
  ],
};

// orderNote is an order with who gave it, why, until when, and the way back.
export function orderNote(o) {
  return h(
    'div',
    { class: 'order', 'data-key': `order ${o.change}` },
    h('span', { class: 'tag' }, 'order'),
    h('code', {}, o.change),
    h('span', { class: 'reason' }, o.reason),
    h('span', { class: 'sub' }, `${o.author}, `, ago(o.at), o.expires && [', ends ', ago(o.expires)]),
    safe(o) && h('span', { class: 'safe' }, safe(o)),
    o.undo && h('span', { class: 'buttons' }, undo(o.gtm, o.undo, 'Take back', o.change)),
  );
}

// orderLine is an order below what it is about, in one line.
export function orderLine(o) {
  return h(
    'span',
    { class: 'order-line', 'data-key': o.change },
    h('span', { class: 'tag' }, o.change.split(' ')[0]),
    ` ${o.reason}`,
    h('span', { class: 'sub' }, ` \u2014 ${o.author}, `, ago(o.at), o.expires && [', ends ', ago(o.expires)]),
    safe(o) && h('span', { class: 'safe' }, ` ${safe(o)}`),
  );
}

function safe({ safe_to_stop_at: at }) {
  return at && (new Date(at) > new Date() ? `safe to stop at ${clockTime(at)}` : 'safe to stop');
}
