// Why a client gets the answer that it gets.

import { get, post } from './api.js';
import { h } from './dom.js';
import { field } from './field.js';
import { explanation } from './explanation.js';
import { go, link } from './route.js';
import { session } from './session.js';

export const explain = {
  title: () => 'Explain',
  load: async ({ query }) => {
    const question = asked(query);
    const names = await get('domains', { limit: 200 });
    if (!question.name) return { names: names.items };
    try {
      return { names: names.items, answer: await post('explain', question) };
    } catch (problem) {
      return { names: names.items, problem };
    }
  },
  draw: ({ names, answer, problem }, { query }) => [
    h('h1', {}, 'Explain an answer'),
    form(names, query),
    problem && h('p', { class: 'refused', role: 'alert' }, problem.message),
    answer && h('section', { 'aria-label': 'Explanation' }, explanation(answer)),
  ],
};

function asked(query) {
  const question = {};
  for (const name of ['gtm', 'name', 'type', 'client', 'via']) {
    if (query.get(name)) question[name] = query.get(name);
  }
  if (query.get('do')) question.do = true;
  return question;
}

function form(names, query) {
  const submit = (event) => {
    event.preventDefault();
    const said = new FormData(event.target);
    go(link(['explain'], Object.fromEntries([...said].map(([name, value]) => [name, value.trim()]))));
  };
  return h('form', { class: 'panel', onsubmit: submit }, blockSelect(query.get('gtm')), questionFields(names, query), field('Resolver', h('input', { name: 'via', value: query.get('via') ?? '', placeholder: 'where the client is a CIDR' })), h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, 'Explain')));
}

// questionFields are the name, the type and the client.
export function questionFields(names, query, required = true) {
  return [
    field('Name', h('input', { name: 'name', list: 'domain-names', required, value: query.get('name') ?? '', placeholder: 'www.example.org', autocapitalize: 'off', spellcheck: 'false' })),
    h('datalist', { id: 'domain-names' }, names.map((d) => h('option', { value: d.name }))),
    field('Type', h('select', { name: 'type' }, ['A', 'AAAA', 'ANY', 'CNAME', 'HTTPS', 'MX', 'NS', 'SOA', 'TXT'].map((type) => h('option', { value: type, selected: type === query.get('type') }, type)))),
    field('Client', h('input', { name: 'client', value: query.get('client') ?? '', placeholder: 'address or CIDR', autocapitalize: 'off', spellcheck: 'false' })),
  ];
}

// blockSelect names the gtm block, where there are several.
export function blockSelect(now) {
  return session.blocks.length > 1 && field('Block', h('select', { name: 'gtm' }, session.blocks.map((name) => h('option', { value: name, selected: name === now }, name))));
}
