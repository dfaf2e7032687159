// What an operator can do, each as a button that opens a dialog: what it means,
// what it does to answers, why, and for how long.

import { once, post } from './api.js';
import { difference } from './difference.js';
import { ask } from './dialog.js';
import { h, show } from './dom.js';
import { field } from './field.js';
import { notice } from './notice.js';
import { block, session } from './session.js';
import { clockTime } from './time.js';

export function drain(m) {
  const name = `${m.pool}/${m.name}`;
  if (m.state === 'drained' || (m.orders ?? []).some((o) => o.change.startsWith('drain '))) return undo(m.gtm, `undrain ${name}`, 'Undrain', name);
  return button('Drain', name, () =>
    order({ gtm: m.gtm, title: `Drain ${name}`, verb: 'Drain', about: 'It is not answered any more; its checks go on. The receipt says when it is safe to stop it.', change: () => `drain ${name}` }),
  );
}

export function setMode(m) {
  const name = `${m.pool}/${m.name}`;
  const select = choice('mode', ['auto', 'online', 'offline'], m.mode);
  return button('Mode', name, () =>
    order({
      gtm: m.gtm,
      title: `Mode of ${name}`,
      verb: 'Set the mode',
      about: 'auto: as its checks say. online: always available. offline: never answered.',
      fields: field('Mode', select),
      change: () => `mode ${name} ${select.value}`,
    }),
  );
}

export function setWeight(m) {
  const name = `${m.pool}/${m.name}`;
  const input = h('input', { name: 'weight', value: m.weight, required: true, pattern: 'auto|[0-9]{1,5}', autocomplete: 'off' });
  return button('Weight', name, () =>
    order({
      gtm: m.gtm,
      title: `Weight of ${name}`,
      verb: 'Set the weight',
      about: '0 to 65535, or auto for what the Corefile says. With 0 it is answered as a last resort only.',
      fields: field('Weight', input),
      change: () => `weight ${name} ${input.value.trim()}`,
    }),
  );
}

export const disablePool = (p) => disable(p, 'pool', 'No member of it is answered any more.');

export const disableDomain = (d) => disable(d, 'domain', 'gtm does not answer it any more, as if it were not there.');

function disable({ gtm, name, state, order: standing }, kind, about) {
  if (state === 'disabled' || standing?.change.startsWith('disable ')) return undo(gtm, `enable ${kind} ${name}`, 'Enable', `${kind} ${name}`);
  return button('Disable', `${kind} ${name}`, () => order({ gtm, title: `Disable ${kind} ${name}`, verb: 'Disable', about, change: () => `disable ${kind} ${name}` }));
}

export function pin(f) {
  const select = choice('set', f.sets, f.pinned ?? f.active.find((a) => a.set)?.set);
  const pinned = f.order?.change.startsWith('pin ');
  return [
    pinned && undo(f.gtm, `unpin ${f.name}`, 'Unpin', f.name),
    f.sets.length > 1 &&
      button('Pin', f.name, () =>
        order({
          gtm: f.gtm,
          title: `Pin ${f.name}`,
          verb: 'Pin',
          about: 'It answers from this set, whatever its health.',
          fields: field('Set', select),
          change: () => `pin ${f.name} ${select.value}`,
        }),
      ),
  ];
}

export function resume(f) {
  if (!f.locked?.length) return null;
  return button('Resume', f.name, () =>
    order({ gtm: f.gtm, title: `Resume ${f.name}`, verb: 'Resume', about: `Locked: ${f.locked.join(', ')}. What was left because its checks failed may answer again.`, change: () => `resume ${f.name}`, forever: true }),
  );
}

// undo is the button that takes an order back.
export function undo(gtm, change, verb, of) {
  return button(verb, of, () => order({ gtm, title: `${verb} ${of}`, verb, about: '', change: () => change, forever: true }));
}

function button(text, of, onclick) {
  return !session.readOnly && h('button', { type: 'button', 'aria-label': `${text} ${of}`, onclick }, text);
}

function choice(name, values, now) {
  return h('select', { name }, values.map((value) => h('option', { value, selected: value === now }, value)));
}

const spans = [
  ['', 'when I take it back'],
  ['15m', 'after 15 minutes'],
  ['1h', 'after 1 hour'],
  ['4h', 'after 4 hours'],
  ['24h', 'after a day'],
  ['168h', 'after a week'],
];

export function reasonField() {
  return field('Reason', h('input', { name: 'reason', required: true, maxlength: 500, autofocus: true, placeholder: 'for those who read the events' }));
}

export function spanField(label, now = '', never = spans[0][1]) {
  return field(label, h('select', { name: 'for' }, spans.map(([value, text]) => h('option', { value, selected: value === now }, value ? text : never))));
}

export function forceField() {
  return h('label', { class: 'field check' }, h('input', { type: 'checkbox', name: 'force' }), 'Do it even where clients are left without any available member');
}

// order is the dialog of a change. Its effect is asked of the API before, with
// the very change that will be made, and shown below the fields.
async function order({ gtm, title, verb, about, fields, change, forever }) {
  const effect = h('div', { class: 'effect', role: 'status' });
  const force = h('div', {});
  const key = once();
  let wanted = 0;
  const preview = async () => {
    const mine = ++wanted;
    show(effect, h('p', { class: 'hint' }, 'Looking at what it does to answers.'));
    const body = { ...block(gtm), change: change(), reason: 'preview', dry_run: true, force: true };
    const seen = await post('orders', body).then(
      (receipt) => difference(receipt.effect),
      (problem) => h('p', { class: 'refused' }, problem.message),
    );
    if (mine === wanted) show(effect, h('h3', {}, 'What it does'), seen);
  };
  const done = ask({
    title,
    confirm: verb,
    wide: true,
    body: [about && h('p', { class: 'hint' }, about), h('div', { onchange: preview }, fields), reasonField(), !forever && spanField('Ends'), force, effect],
    submit: async (form) => {
      const said = new FormData(form);
      const body = { ...block(gtm), change: change(), reason: said.get('reason').trim(), force: said.get('force') === 'on' };
      if (said.get('for')) body.for = said.get('for');
      try {
        const receipt = await post('orders', body, key(body));
        notice(told(body.change, receipt));
      } catch (problem) {
        if (problem.status === 409 || problem.status === 422) show(force, forceField());
        throw problem;
      }
      dispatchEvent(new Event('changed'));
    },
  });
  preview();
  await done;
}

function told(change, { changed, order: standing, warning }) {
  if (!changed) return `${change}: it was so already`;
  const safe = standing?.safe_to_stop_at;
  return [`${change}: done`, safe && `safe to stop at ${clockTime(safe)}`, warning].filter(Boolean).join('; ');
}
