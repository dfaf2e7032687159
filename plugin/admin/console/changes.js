// The language of changes, for forms that take several of them: a line is one
// change, and a small row of fields writes lines for those who do not know it.

import { get } from './api.js';
import { h } from './dom.js';
import { field } from './field.js';

const verbs = [
  ['down pool', 'pool'],
  ['up pool', 'pool'],
  ['down member', 'member'],
  ['up member', 'member'],
  ['drain', 'member'],
  ['mode', 'member', ['offline', 'online', 'auto']],
  ['weight', 'member', ['0', '1', '2', '5', '10', 'auto']],
  ['disable pool', 'pool'],
  ['disable domain', 'domain'],
  ['pin', 'failover', 'set'],
  ['unpin', 'failover'],
  ['resume', 'failover'],
];

// names are what changes can be about.
export async function names(gtm) {
  const some = { gtm, limit: 500 };
  const [pools, members, failovers, domains] = await Promise.all([get('pools', some), get('members', some), get('failovers', some), get('domains', some)]);
  return {
    pool: pools.items.map((p) => p.name),
    member: members.items.map((m) => `${m.pool}/${m.name}`),
    failover: failovers.items.map((f) => f.name),
    domain: domains.items.map((d) => d.name),
    sets: new Map(failovers.items.map((f) => [f.name, f.sets])),
  };
}

// changesField is a text field for changes, one a line, and a row that adds one.
export function changesField(known, lines) {
  const text = h('textarea', { name: 'changes', rows: 4, required: true, spellcheck: 'false', placeholder: 'down pool beijing' }, lines.join('\n'));
  const verb = h('select', { 'aria-label': 'Change' }, verbs.map(([word]) => h('option', {}, word)));
  const name = h('select', { 'aria-label': 'Of what' });
  const value = h('select', { 'aria-label': 'To what' });
  const options = (select, words) => select.replaceChildren(...words.map((word) => h('option', {}, word)));
  const chosen = () => verbs.find(([word]) => word === verb.value);
  const fillValue = () => {
    const [, , to] = chosen();
    value.hidden = !to;
    options(value, to === 'set' ? known.sets.get(name.value) ?? [] : to ?? []);
  };
  const fillName = () => {
    options(name, known[chosen()[1]]);
    fillValue();
  };
  verb.onchange = fillName;
  name.onchange = fillValue;
  fillName();
  const add = () => {
    const line = [verb.value, name.value, value.hidden ? '' : value.value].filter(Boolean).join(' ');
    text.value = [...split(text.value), line].join('\n');
  };
  return h(
    'div',
    { class: 'changes', 'data-own': true, 'data-key': `changes ${lines.join('\n')}` },
    field('Changes, one a line', text),
    h('div', { class: 'row' }, verb, name, value, h('button', { type: 'button', onclick: add }, 'Add')),
  );
}

export const split = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);
