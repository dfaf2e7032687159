// A state is told by a shape, a word and a colour, so that any one of them may
// be lost.

import { h, svg } from './dom.js';

const kinds = {
  good: ['up', 'available', 'pass', 'live', 'active'],
  warn: ['degraded', 'warning', 'inconclusive', 'executed', 'reconnecting', 'locked', 'changed'],
  bad: ['down', 'unavailable', 'fail', 'critical', 'lost'],
  off: ['disabled', 'offline', 'muted'],
  drained: ['drained'],
  plain: ['info', 'unexecuted', 'rolled_back', 'same'],
};

const kindOf = new Map(Object.entries(kinds).flatMap(([kind, states]) => states.map((state) => [state, kind])));

const shapes = {
  good: () => [svg('circle', { cx: 6, cy: 6, r: 5, class: 'solid' })],
  warn: () => [svg('path', { d: 'M6 1 11.5 11H.5Z', class: 'solid' }), svg('path', { d: 'M6 4.5v3M6 8.6v1.2', class: 'cut' })],
  bad: () => [svg('path', { d: 'M1 1h10v10H1Z', class: 'solid' }), svg('path', { d: 'M3.6 3.6l4.8 4.8M8.4 3.6l-4.8 4.8', class: 'cut' })],
  off: () => [svg('circle', { cx: 6, cy: 6, r: 4.5, class: 'line' }), svg('path', { d: 'M2.8 9.2 9.2 2.8', class: 'line' })],
  drained: () => [svg('path', { d: 'M1.5 10.8h9M6 1v6.4M3.2 5 6 7.8 8.8 5', class: 'line' })],
  plain: () => [svg('circle', { cx: 6, cy: 6, r: 2, class: 'solid' })],
  unknown: () => [svg('circle', { cx: 6, cy: 6, r: 4.5, class: 'line dashed' })],
};

// mark is a state's shape and word; the word may be another than the state's.
export function mark(state, word = state.replaceAll('_', ' ')) {
  const kind = kindOf.get(state) ?? 'unknown';
  return h(
    'span',
    { class: `mark ${kind}`, 'data-state': state },
    svg('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true', focusable: 'false' }, shapes[kind]()),
    h('span', {}, word),
  );
}

// chip is a small word beside a name.
export function chip(text, title, kind = '') {
  return h('span', { class: `chip ${kind}`, title }, text);
}

export const percent = (share) => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

export const number = (n) => n.toLocaleString('en-GB');

export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;
