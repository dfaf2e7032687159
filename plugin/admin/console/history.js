// A check's last results as a picture: a bar for each, as high as it took long.
// A fail is a hollow bar of full height with a cross in it, an inconclusive
// result a dashed one, so that colour is not needed to tell them.

import { h, svg } from './dom.js';
import { plural } from './mark.js';
import { clockTime } from './time.js';

const step = 18;
const bar = 13;
const height = 72;
const slots = 32; // at least so wide, that bars do not change their size as they come

export function history(c) {
  const results = c.results;
  if (results.length === 0) return h('p', { class: 'empty' }, 'No probe has ended yet.');
  const passes = results.filter((r) => r.verdict === 'pass');
  const top = Math.max(1, ...passes.map((r) => r.rtt_ms));
  const width = Math.max(slots, results.length) * step;
  return h(
    'figure',
    { class: 'history' },
    svg(
      'svg',
      { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': summary(results, passes) },
      svg('path', { class: 'grid', d: `M0 .5h${width}M0 ${height / 2}h${width}M0 ${height - 0.5}h${width}` }),
      results.map((r, i) => one(r, width - (results.length - i) * step, top)),
    ),
    h('figcaption', {}, h('span', {}, `${clockTime(results[0].at)} to ${clockTime(results[results.length - 1].at)}`), h('span', {}, summary(results, passes)), h('span', {}, `full height: ${took(top)}`)),
  );
}

function one(r, x, top) {
  const title = svg('title', {}, `${clockTime(r.at)} ${r.verdict}${r.reason ? `: ${r.reason}` : ''}, ${took(r.rtt_ms)}`);
  if (r.verdict === 'pass') {
    const tall = Math.max(2, (r.rtt_ms / top) * (height - 4));
    return svg('g', { class: 'pass' }, title, svg('rect', { x, y: height - tall, width: bar, height: tall }));
  }
  return svg(
    'g',
    { class: r.verdict },
    title,
    svg('rect', { x: x + 0.5, y: 0.5, width: bar - 1, height: height - 1 }),
    r.verdict === 'fail' && svg('path', { d: `M${x + 3} 9l${bar - 6} 7m0 -7l${6 - bar} 7` }),
  );
}

function summary(results, passes) {
  const count = (verdict) => results.filter((r) => r.verdict === verdict).length;
  const parts = [plural(results.length, 'result'), plural(count('pass'), 'pass', 'passes'), plural(count('fail'), 'fail')];
  if (count('inconclusive') > 0) parts.push(`${count('inconclusive')} inconclusive`);
  if (passes.length > 0) {
    const times = passes.map((r) => r.rtt_ms).sort((a, b) => a - b);
    parts.push(`median ${took(times[Math.floor(times.length / 2)])}`);
  }
  return parts.join(', ');
}

const took = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);
