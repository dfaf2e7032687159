// The tree below a domain: policy, rules, failovers, sets, pools, members.

import { disablePool, drain, pin, resume } from './actions.js';
import { h } from './dom.js';
import { chip, mark, plural } from './mark.js';
import { orderLine, orderNote } from './orders.js';
import { link } from './route.js';
import { block } from './session.js';
import { ago } from './time.js';

const most = 50; // members of a pool that the tree shows

export function tree(target, gtm) {
  return h('ul', { class: 'tree' }, h('li', {}, node(target, gtm)));
}

function node(target, gtm) {
  if (target?.policy) return policy(target.policy, gtm);
  if (target?.failover) return failover(target.failover);
  return null;
}

function policy(p, gtm) {
  return [
    h('div', { class: 'node' }, h('h3', {}, h('span', { class: 'kind' }, 'policy'), p.name), chip(p.kind)),
    h('ul', {}, p.targets.map((branch, i) => h('li', { 'data-key': `${i} ${branch.by}` }, limb(p, branch, i, gtm)))),
  ];
}

function limb(p, branch, i, gtm) {
  const rule = p.kind === 'geo' && branch.by !== 'default' ? p.rules?.[i] : null;
  return [
    h(
      'div',
      { class: 'branch' },
      rule && h('span', { class: 'number' }, `rule ${rule.number}`),
      h('span', { class: 'by' }, branch.by),
      h('span', { class: 'sub' }, `\u2192 ${branch.use}`),
      rule?.fence && chip('fence', 'Its clients never leave for the default.'),
      !branch.target && h('span', { class: 'sub' }, '(shown above)'),
    ),
    branch.target && h('ul', {}, h('li', {}, node(branch.target, gtm))),
  ];
}

function failover(f) {
  const delays = [f.failover_delay !== '0s' && `leaves after ${f.failover_delay}`, f.failback_delay !== '0s' && `returns after ${f.failback_delay}`];
  return [
    h(
      'div',
      { class: 'node' },
      h('h3', {}, h('span', { class: 'kind' }, 'failover'), f.name),
      mark(f.state),
      h('span', { class: 'sub' }, [f.recovery, ...delays].filter(Boolean).join(', ')),
      f.pinned && chip(`pinned to ${f.pinned}`, null, 'warn'),
      f.last_switch && h('span', { class: 'sub' }, `${plural(f.switches, 'switch', 'switches')}, the last `, ago(f.last_switch)),
      h('span', { class: 'buttons' }, pin(f), resume(f)),
    ),
    f.order && orderNote(f.order),
    h('ol', { class: 'sets' }, f.tree.map((s) => set(s, f))),
  ];
}

function set(s, f) {
  const families = f.active.filter((a) => a.set === s.name);
  return h(
    'li',
    { 'data-key': s.name, class: s.active ? 'set active' : 'set', 'data-state': s.active ? 'active' : 'waiting' },
    h(
      'div',
      { class: 'node' },
      h('h4', {}, h('span', { class: 'kind' }, 'set'), s.name),
      s.active && mark('active', families.some((a) => a.family !== 'both') ? `active ${families.map((a) => a.family).join(', ')}` : 'active'),
      s.state !== 'up' && mark(s.state),
      s.locked && mark('locked', 'locked until resumed'),
      // A set of one pool stands as that does.
      s.tree.length > 1 && unavailable(s.families),
      h('span', { class: 'sub' }, [s.pools.length > 1 && s.balance, s.min_available > 1 && `needs ${s.min_available} members`].filter(Boolean).join(', ')),
    ),
    h('ul', {}, s.tree.map((p) => h('li', { 'data-key': p.name }, pool(p, s.pools.find((of) => of.pool === p.name))))),
  );
}

function unavailable(families) {
  const texts = families.filter((f) => !f.available && f.text).map((f) => (families.length > 1 ? `${f.family}: ${f.text}` : f.text));
  return texts.length > 0 && h('span', { class: 'sub' }, [...new Set(texts)].join('; '));
}

function pool(p, of) {
  const wrong = p.tree.filter((m) => m.state !== 'available');
  const shown = p.tree.length > most ? [...wrong, ...p.tree.filter((m) => m.state === 'available')].slice(0, most) : p.tree;
  return [
    h(
      'div',
      { class: 'node' },
      h('h5', {}, h('span', { class: 'kind' }, 'pool'), p.name),
      mark(p.state),
      h('span', { class: 'sub' }, `${p.members.good} of ${plural(p.members.total, 'member')}, ${p.balance}`, of && of.weight !== 1 && `, weight ${of.weight}`),
      unavailable(p.families),
      h('span', { class: 'buttons' }, disablePool(p)),
    ),
    p.order && orderNote(p.order),
    h('ul', { class: 'members' }, shown.map(memberLine)),
    shown.length < p.tree.length &&
      h('p', { class: 'sub' }, h('a', { href: link(['members'], { pool: p.name, ...block(p.gtm) }) }, `all ${plural(p.tree.length, 'member')}`)),
  ];
}

// memberLine is a member in one line: state, name, what it is, and what can be
// done with it at once.
export function memberLine(m, withPool) {
  return h(
    'li',
    { class: 'member', 'data-key': `${m.gtm} ${m.pool}/${m.name}`, 'data-state': m.state },
    mark(m.state),
    h(
      'span',
      { class: 'who' },
      h('a', { class: 'name', href: link(['members', m.pool, m.name], block(m.gtm)) }, withPool === true ? `${m.pool}/${m.name}` : m.name),
      m.address !== m.name && h('span', { class: 'address' }, m.address),
    ),
    h(
      'span',
      { class: 'what sub' },
      m.why && m.state !== 'drained' && h('span', { class: 'why' }, `${m.why} `),
      standing(m),
      (m.orders ?? []).map(orderLine),
    ),
    h('span', { class: 'buttons' }, drain(m)),
  );
}

function standing(m) {
  const grown = m.grown > 0 && m.grown < 100 ? `, ${m.grown} % of it yet` : '';
  return [
    m.mode !== 'auto' && `mode ${m.mode}`,
    (m.weight !== 1 || grown) && `weight ${m.weight}${grown}`,
    m.checks.total > 0 && `${m.checks.good} of ${plural(m.checks.total, 'check')} up`,
  ]
    .filter(Boolean)
    .join(' \u00b7 ');
}
