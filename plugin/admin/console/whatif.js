// What would be answered, if.

import { post } from './api.js';
import { changesField, names, split } from './changes.js';
import { difference } from './difference.js';
import { h } from './dom.js';
import { field } from './field.js';
import { blockSelect, questionFields } from './explain.js';
import { go, link } from './route.js';

export const whatif = {
  title: () => 'What if',
  load: async ({ query }) => {
    const suppose = query.getAll('suppose');
    const gtm = query.get('gtm');
    const known = await names(gtm);
    if (suppose.length === 0) return { known };
    try {
      return { known, effect: await post('whatif', supposition(query)) };
    } catch (problem) {
      return { known, problem };
    }
  },
  draw: ({ known, effect, problem }, { query }) => [
    h('h1', {}, 'What if'),
    h('p', { class: 'hint' }, 'Nothing is changed: answers are worked out as if it were so.'),
    form(known, query),
    problem && h('p', { class: 'refused', role: 'alert' }, problem.message),
    effect && h('section', { 'aria-label': 'Difference' }, difference(effect)),
  ],
};

function supposition(query) {
  const body = { suppose: query.getAll('suppose') };
  if (query.get('gtm')) body.gtm = query.get('gtm');
  if (query.get('domain')) body.domains = [query.get('domain')];
  if (query.get('name')) {
    body.ask = { name: query.get('name') };
    for (const word of ['type', 'client']) if (query.get(word)) body.ask[word] = query.get(word);
  }
  return body;
}

function form(known, query) {
  const submit = (event) => {
    event.preventDefault();
    const said = new FormData(event.target);
    const word = (name) => said.get(name)?.trim();
    const ask = word('name') ? { name: word('name'), type: word('type'), client: word('client') } : {};
    go(link(['whatif'], { gtm: word('gtm'), suppose: split(said.get('changes')), domain: word('domain'), ...ask }));
  };
  return h(
    'form',
    { class: 'panel', onsubmit: submit },
    blockSelect(query.get('gtm')),
    changesField(known, query.getAll('suppose')),
    field('Of one domain alone', h('input', { name: 'domain', list: 'domain-names', value: query.get('domain') ?? '', placeholder: 'all that it touches' })),
    h(
      'details',
      { class: 'field', open: Boolean(query.get('name')) },
      h('summary', {}, 'For one client, too'),
      h('div', { class: 'panel inner' }, questionFields(known.domain.map((name) => ({ name })), query, false)),
    ),
    h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, 'Show the difference')),
  );
}
