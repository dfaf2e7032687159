// Every step that led to an answer.

import { h } from './dom.js';
import { chip } from './mark.js';

export function explanation(e) {
  return h(
    'div',
    { class: 'explanation' },
    h('p', {}, h('strong', {}, e.outcome), ' for ', h('code', {}, `${e.name} ${e.type}`), ` asked by ${e.client || 'nobody'}`, e.reason && chip(e.reason.replaceAll('_', ' '))),
    e.answer?.length > 0 && h('pre', { class: 'answer', tabindex: 0, role: 'region', 'aria-label': 'Answer' }, e.answer.join('\n')),
    h('ul', { class: 'plain' }, h('li', {}, `TTL ${e.ttl} s`, e.ttl_why && h('span', { class: 'sub' }, ` ${e.ttl_why.replace(`${e.ttl}: `, '')}`)), h('li', {}, `Scope /${e.scope}`, e.scope_why && h('span', { class: 'sub' }, ` ${e.scope_why}`))),
    h('ol', { class: 'steps' }, e.steps.map((step) => h('li', {}, h('span', { class: 'kind' }, step.kind), h('span', {}, step.name && h('strong', {}, step.name), step.name && step.text && ' ', step.text)))),
  );
}
