// Times: how long ago for people in a hurry, the exact instant in the title.

import { h } from './dom.js';

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' });

// ago is a time element that goes on counting.
export function ago(iso) {
  return iso && h('time', { datetime: iso, title: exact(iso), 'data-ago': true }, distance(iso));
}

// at is a time of day, with the day where it is not today.
export function at(iso) {
  return iso && h('time', { datetime: iso, title: exact(iso) }, clockTime(iso));
}

export function clockTime(iso) {
  const then = new Date(iso);
  const today = then.toDateString() === new Date().toDateString();
  return today ? clock.format(then) : `${day.format(then)} ${clock.format(then)}`;
}

function exact(iso) {
  return `${new Date(iso).toString().replace(/ \(.*/, '')} = ${iso}`;
}

function distance(iso) {
  const seconds = Math.round((new Date(iso) - Date.now()) / 1000);
  const text = span(Math.abs(seconds));
  if (Math.abs(seconds) < 2) return 'now';
  return seconds < 0 ? `${text} ago` : `in ${text}`;
}

function span(seconds) {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

// tick brings all counting times in the page up to date.
export function tick() {
  for (const node of document.querySelectorAll('time[data-ago]')) {
    const text = distance(node.dateTime);
    if (node.textContent !== text) node.textContent = text;
  }
}
