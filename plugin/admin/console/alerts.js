// Troubles that last, where alerts go, and what keeps them quiet.

import { reasonField, spanField } from './actions.js';
import { get, once, path, post, remove } from './api.js';
import { ask } from './dialog.js';
import { h } from './dom.js';
import { field } from './field.js';
import { blockSelect } from './explain.js';
import { mark, number } from './mark.js';
import { notice } from './notice.js';
import { block, session } from './session.js';
import { ago } from './time.js';

export const alerts = {
  title: () => 'Alerts',
  every: 3000, // what sinks have sent is no event
  load: ({ query }) => get('alerts', { gtm: query.get('gtm') }),
  draw: ({ active, sinks, mutes }) => [
    h('h1', {}, 'Alerts'),
    h('section', { 'aria-label': 'Troubles' }, h('h2', {}, 'Troubles that last'), list(active ?? [], trouble, 'None.')),
    h('section', { 'aria-label': 'Sinks' }, h('h2', {}, 'Sinks'), list(sinks ?? [], sink, 'No notify line in the Corefile: nobody is told.')),
    h('section', { 'aria-label': 'Mutes' }, h('div', { class: 'heading' }, h('h2', {}, 'Mutes'), h('div', { class: 'buttons' }, button('New mute', '', addMute))), list(mutes ?? [], mute, 'None.')),
  ],
};

function list(items, one, none) {
  return items.length > 0 ? h('ul', { class: 'cards' }, items.map(one)) : h('p', { class: 'empty' }, none);
}

function button(text, of, onclick) {
  return !session.readOnly && h('button', { type: 'button', 'aria-label': `${text} ${of}`.trim(), onclick }, text);
}

function trouble(a) {
  return h(
    'li',
    { class: 'card', 'data-key': `${a.gtm} ${a.trouble}` },
    h('div', { class: 'node' }, mark(a.event.severity), h('span', {}, a.event.text), a.muted && mark('muted')),
    h('p', { class: 'sub' }, `${a.event.kind.replaceAll('_', ' ')}, since `, ago(a.since)),
  );
}

function sink(s) {
  return h(
    'li',
    { class: 'card', 'data-key': `${s.gtm} ${s.name}` },
    h('div', { class: 'node' }, h('h3', {}, h('span', { class: 'kind' }, s.kind), s.name), s.last_error ? mark('fail', 'last try failed') : s.last_sent ? mark('pass', 'last try went') : mark('unknown', 'nothing sent yet'), h('span', { class: 'buttons' }, button('Send a test', s.name, () => test(s)))),
    h('p', { class: 'sub' }, `${number(s.sent)} sent, ${number(s.failed)} failed, ${number(s.dropped)} dropped, ${number(s.queued)} queued`, s.last_sent && [', last ', ago(s.last_sent)]),
    s.last_error && h('p', { class: 'refused' }, s.last_error),
  );
}

function mute(m) {
  return h(
    'li',
    { class: 'card', 'data-key': `${m.gtm} ${m.id}` },
    h('div', { class: 'node' }, h('code', {}, m.selector.join(' ')), h('span', { class: 'buttons' }, button('Unmute', m.selector.join(' '), () => unmute(m)))),
    h('p', {}, m.reason, h('span', { class: 'sub' }, ` \u2014 ${m.author}, `, ago(m.at), m.expires && [', ends ', ago(m.expires)])),
  );
}

function addMute() {
  const key = once();
  return ask({
    title: 'New mute',
    confirm: 'Mute',
    body: [
      h('p', { class: 'hint' }, 'Alerts for which all of these words hold are not sent. They are shown here all the same.'),
      blockSelect(),
      field('Selector', h('input', { name: 'selector', required: true, placeholder: 'pool=beijing member=bj-1', autofocus: true })),
      reasonField(),
      spanField('Ends', '1h'),
    ],
    submit: async (form) => {
      const said = new FormData(form);
      const body = { ...block(said.get('gtm')), selector: said.get('selector').split(/\s+/).filter(Boolean), reason: said.get('reason').trim() };
      if (said.get('for')) body.for = said.get('for');
      await post('alerts/mutes', body, key(body));
      done('The mute is at work');
    },
  });
}

function reasoned(title, confirm, act) {
  const key = once();
  return ask({
    title,
    confirm,
    body: reasonField(),
    submit: async (form) => {
      const reason = new FormData(form).get('reason').trim();
      await act(reason, key({ reason }));
    },
  });
}

const unmute = (m) =>
  reasoned(`Unmute ${m.selector.join(' ')}`, 'Unmute', async (reason, key) => {
    await remove(path('alerts', 'mutes', m.id), { ...block(m.gtm), reason }, key);
    done('The mute is taken back');
  });

const test = (s) =>
  reasoned(`Send a test to ${s.name}`, 'Send', async (reason, key) => {
    await post(path('alerts', 'sinks', s.name, 'test'), { ...block(s.gtm), reason }, key);
    done(`A test is sent to ${s.name}`);
  });

function done(text) {
  notice(text);
  dispatchEvent(new Event('changed'));
}
