// What answers would be after some changes, beside what they are now.

import { explanation } from './explanation.js';
import { h } from './dom.js';
import { chip, mark, number, percent, plural } from './mark.js';

export function difference(d) {
  const changed = d.domains.filter((one) => one.changed);
  const count = changed.reduce((sum, one) => sum + one.count, 0);
  return h(
    'div',
    { class: 'difference' },
    h('p', {}, count > 0 ? mark('changed', `${plural(count, 'domain changes', 'domains change')}`) : mark('same', 'No answer changes'), `; ${d.same === 1 ? '1 stays as it is' : `${number(d.same)} stay as they are`}`, d.settles && d.settles !== '0s' && `; settled after ${d.settles}`, '.'),
    d.lost?.length > 0 && lost(d.lost),
    changed.map(domains),
    d.now && d.then && asked(d),
  );
}

function lost(rules) {
  return h(
    'div',
    { class: 'lost' },
    mark('lost', `${plural(rules.length, 'rule is', 'rules are')} left without any available member`),
    h('ul', {}, rules.slice(0, 20).map((rule) => h('li', {}, rule))),
    rules.length > 20 && h('p', {}, `and ${number(rules.length - 20)} more`),
  );
}

function domains(one) {
  const names = one.domains.slice(0, 3).join(', ');
  return h(
    'section',
    { class: 'domain-diff' },
    h('h4', {}, names, one.count > 3 && ` and ${number(one.count - 3)} more`),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Rules of ${names}` },
      h(
        'table',
        { class: 'list' },
        h('thead', {}, h('tr', {}, ['Clients', 'Now', 'Then'].map((text) => h('th', { scope: 'col' }, text)))),
        h('tbody', {}, one.rules.filter((rule) => rule.changed).map(row)),
      ),
    ),
    one.rules.some((rule) => !rule.changed) && h('p', { class: 'sub' }, `${plural(one.rules.filter((rule) => !rule.changed).length, 'rule stays', 'rules stay')} as before.`),
  );
}

function row(rule) {
  return h(
    'tr',
    {},
    h('td', {}, rule.rule, h('span', { class: 'sub' }, ` ${rule.family}, ${percent(rule.share)} of clients`, rule.example && `, such as ${rule.example}`)),
    h('td', {}, answered(rule.now)),
    h('td', {}, answered(rule.then), rule.members?.length > 0 && members(rule.members)),
  );
}

// members are those that are in another share of the answers.
function members(list) {
  return h(
    'ul',
    { class: 'plain' },
    list.slice(0, 10).map((one) => h('li', { class: 'sub' }, `${one.member}: ${percent(one.now)} of the answers, then ${percent(one.then)}`)),
    list.length > 10 && h('li', { class: 'sub' }, `and ${number(list.length - 10)} more members`),
  );
}

function answered(a) {
  const pools = Object.entries(a.pools ?? {}).sort(([, x], [, y]) => y - x);
  return [
    a.alive ? mark('up', a.set || a.reason) : mark('down', a.set || 'nothing available'),
    chip(a.reason.replaceAll('_', ' ')),
    pools.length > 0 && h('span', { class: 'sub' }, ` ${pools.map(([name, share]) => `${name} ${percent(share)}`).join(', ')}`),
    h('span', { class: 'sub' }, ` TTL ${a.ttl} s`),
  ];
}

function asked(d) {
  return h('div', { class: 'beside' }, h('section', {}, h('h4', {}, 'This client now'), explanation(d.now)), h('section', {}, h('h4', {}, 'This client then'), explanation(d.then)));
}
