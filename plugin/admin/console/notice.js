// What has just been done, for eyes and for screen readers.

import { h, show } from './dom.js';

const place = document.getElementById('notices');
let timer;

export function notice(...text) {
  clearTimeout(timer);
  show(place, h('p', { class: 'notice' }, text, h('button', { type: 'button', 'aria-label': 'Dismiss', onclick: () => show(place) }, '\u00d7')));
  timer = setTimeout(() => show(place), 15000);
}
