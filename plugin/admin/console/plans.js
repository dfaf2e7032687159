// Drills: recovery plans that are looked at, executed and rolled back.

import { forceField, reasonField, spanField } from './actions.js';
import { get, once, path, post, put, remove } from './api.js';
import { changesField, names, split } from './changes.js';
import { difference } from './difference.js';
import { ask } from './dialog.js';
import { h, show } from './dom.js';
import { field } from './field.js';
import { blockSelect } from './explain.js';
import { chip, mark } from './mark.js';
import { notice } from './notice.js';
import { block, session } from './session.js';
import { ago } from './time.js';

export const plans = {
  title: () => 'Drills',
  load: async ({ query }) => (await get('plans', { gtm: query.get('gtm') })).items,
  draw: (items) => [
    h('div', { class: 'heading' }, h('h1', {}, 'Drills'), h('div', { class: 'buttons' }, !session.readOnly && h('button', { type: 'button', onclick: () => edit() }, 'New plan'))),
    items.length > 0 ? h('ul', { class: 'cards' }, items.map(card)) : h('p', { class: 'empty' }, 'There is no plan yet. One says what is declared down, pinned or drained together, as a drill or in an emergency.'),
  ],
};

function card(p) {
  return h(
    'li',
    { class: 'card', 'data-key': `${p.gtm} ${p.name}`, 'data-state': p.state },
    h('div', { class: 'node' }, h('h2', {}, p.name), mark(p.state), p.corefile && chip('Corefile', 'It stands in the Corefile, and cannot be changed here.'), session.blocks.length > 1 && chip(p.gtm)),
    p.note && h('p', {}, p.note),
    h('pre', { class: 'changes-text', tabindex: 0, role: 'region', 'aria-label': `Changes of ${p.name}` }, p.changes.join('\n')),
    h('p', { class: 'sub' }, times(p)),
    h('div', { class: 'buttons' }, buttons(p)),
  );
}

function times(p) {
  return [
    p.executed && ['executed ', ago(p.executed)],
    p.state === 'executed' && p.until && [', rolled back by itself ', ago(p.until)],
    p.rolled_back && [', rolled back ', ago(p.rolled_back)],
    p.author && ` \u2014 ${p.author}${p.reason ? `: ${p.reason}` : ''}`,
  ];
}

function buttons(p) {
  const button = (text, onclick, kind) => h('button', { type: 'button', 'aria-label': `${text} ${p.name}`, class: kind, onclick }, text);
  const executed = p.state === 'executed';
  return [
    button('Preview', () => preview(p)),
    !session.readOnly && [
      executed ? button('Roll back', () => rollback(p), 'primary') : button('Execute', () => execute(p)),
      !p.corefile && !executed && [button('Edit', () => edit(p)), button('Delete', () => discard(p))],
    ],
  ];
}

const of = (p, ...more) => path('plans', p.name, ...more);

function effectOf(p) {
  const effect = h('div', { class: 'effect', role: 'status' }, h('p', { class: 'hint' }, 'Looking at what it does to answers.'));
  get(of(p, 'preview'), block(p.gtm)).then(
    (d) => show(effect, h('h3', {}, 'What it does'), difference(d)),
    (problem) => show(effect, h('p', { class: 'refused' }, problem.message)),
  );
  return effect;
}

function preview(p) {
  return ask({ title: `Preview of ${p.name}`, wide: true, body: effectOf(p) });
}

function execute(p) {
  const force = h('div', {});
  const key = once();
  return ask({
    title: `Execute ${p.name}`,
    confirm: 'Execute',
    danger: true,
    wide: true,
    body: [reasonField(), spanField('Rolled back', '1h', 'when I do it'), force, effectOf(p)],
    submit: async (form) => {
      const said = new FormData(form);
      const body = { ...block(p.gtm), reason: said.get('reason').trim(), force: said.get('force') === 'on' };
      if (said.get('for')) body.for = said.get('for');
      try {
        await post(of(p, 'execute'), body, key(body));
      } catch (problem) {
        if (problem.status === 409 || problem.status === 422) show(force, forceField());
        throw problem;
      }
      done(`${p.name} is executed`);
    },
  });
}

// reasoned is the dialog of an action that takes a reason and no more.
function reasoned(title, confirm, about, act) {
  const key = once();
  return ask({
    title,
    confirm,
    body: [about && h('p', { class: 'hint' }, about), reasonField()],
    submit: async (form) => {
      const reason = new FormData(form).get('reason').trim();
      await act(reason, key({ reason }));
    },
  });
}

function rollback(p) {
  return reasoned(`Roll back ${p.name}`, 'Roll back', 'All of its changes are taken back together.', async (reason, key) => {
    await post(of(p, 'rollback'), { ...block(p.gtm), reason }, key);
    done(`${p.name} is rolled back`);
  });
}

function discard(p) {
  return reasoned(`Delete ${p.name}`, 'Delete', '', async (reason, key) => {
    await remove(of(p), { ...block(p.gtm), reason }, key);
    done(`${p.name} is deleted`);
  });
}

async function edit(p) {
  const known = await names(p?.gtm);
  const key = once();
  return ask({
    title: p ? `Edit ${p.name}` : 'New plan',
    confirm: 'Keep',
    wide: true,
    body: [
      !p && field('Name', h('input', { name: 'name', required: true, pattern: '[a-z][a-z0-9_\\-]*', autofocus: true, placeholder: 'drain-beijing' })),
      !p && blockSelect(),
      changesField(known, p?.changes ?? []),
      field('Note', h('input', { name: 'note', maxlength: 500, value: p?.note ?? '' })),
      reasonField(),
    ],
    submit: async (form) => {
      const said = new FormData(form);
      const name = p?.name ?? said.get('name').trim();
      const body = { ...block(p?.gtm ?? said.get('gtm')), changes: split(said.get('changes')), note: said.get('note').trim(), reason: said.get('reason').trim() };
      await put(path('plans', name), body, key(body));
      done(`${name} is kept`);
    },
  });
}

function done(text) {
  notice(text);
  dispatchEvent(new Event('changed'));
}
