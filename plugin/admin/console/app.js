// The frame: which view is shown, and when it is drawn anew.

import { get } from './api.js';
import { h, show } from './dom.js';
import { follow } from './live.js';
import { mark } from './mark.js';
import { parse } from './route.js';
import { session, signOut } from './session.js';
import { tick } from './time.js';

import { alerts } from './alerts.js';
import { domain } from './domain.js';
import { events } from './events.js';
import { explain } from './explain.js';
import { member } from './member.js';
import { members } from './members.js';
import { orders } from './orders.js';
import { overview } from './overview.js';
import { plans } from './plans.js';
import { whatif } from './whatif.js';

// A view loads what it shows and draws it; it keeps nothing else.
//
//	title(place)       of the page
//	load(place)        the data
//	draw(data, place)  nodes
//	every              milliseconds until it is loaded anew, if no event comes before
const views = { '': overview, domains: domain, members, events, explain, whatif, plans, orders, alerts };

const menu = [
  ['', 'Overview'],
  ['members', 'Members'],
  ['events', 'Events'],
  ['explain', 'Explain'],
  ['whatif', 'What if'],
  ['plans', 'Drills'],
  ['orders', 'Orders'],
  ['alerts', 'Alerts'],
];

const main = document.getElementById('main');
const burst = 200; // milliseconds in which events that come together are one

let place; // what is shown
let turn = 0; // of the latest load: an older one that ends later is not drawn
let timer;
let halted = false; // nobody is signed in: the user goes on, not the timer

function viewOf({ segments }) {
  if (segments[0] === 'members' && segments.length > 1) return member;
  return views[segments[0] ?? ''];
}

// arrive shows the place that the address names.
async function arrive() {
  place = parse(location.hash);
  const view = viewOf(place);
  drawMenu();
  if (!view) {
    show(main, h('h1', {}, 'There is no such view'), h('p', {}, h('a', { href: '#/' }, 'Overview')));
    return;
  }
  document.title = `${view.title(place)} \u00b7 gtm`;
  main.setAttribute('aria-busy', 'true');
  main.replaceChildren(h('p', { class: 'hint' }, 'Loading.'));
  await refresh();
  scrollTo(0, 0);
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  const here = place;
  const view = viewOf(here);
  if (!view) return;
  const begun = performance.now();
  try {
    const data = await view.load(here);
    if (mine !== turn) return;
    halted = false;
    show(main, view.draw(data, here));
  } catch (problem) {
    if (mine !== turn) return;
    halted = problem.status === 401;
    show(main, failure(problem));
  }
  main.removeAttribute('aria-busy');
  if (!halted) again(Math.max(view.every ?? 30_000, 5 * (performance.now() - begun)));
}

function again(wait) {
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden ? again(wait) : refresh()), wait);
}

function failure(problem) {
  if (!(problem.status >= 0)) console.error(problem);
  return [
    h('h1', {}, 'This cannot be shown'),
    h('p', { role: 'alert', class: 'refused' }, problem.message),
    h('p', {}, h('button', { type: 'button', onclick: () => start() }, 'Try again')),
  ];
}

function drawMenu() {
  const here = place.segments[0] === 'domains' ? '' : place.segments[0] ?? '';
  show(
    document.getElementById('nav'),
    h('ul', {}, menu.map(([name, text]) => h('li', {}, h('a', { href: `#/${name}`, 'aria-current': name === here ? 'page' : null }, text)))),
  );
}

// there is live, reconnecting, or connecting before the first time.
function drawLive(there) {
  show(document.getElementById('live'), mark(there));
}

let following = false;

async function start() {
  try {
    const [who, status] = await Promise.all([get('whoami'), get('status')]);
    session.name = who.name;
    session.readOnly = who.read_only;
    session.blocks = status.blocks.map((b) => b.name);
  } catch (problem) {
    place = parse(location.hash);
    drawMenu();
    show(main, failure(problem));
    if (problem.status === 0) again(2000);
    return;
  }
  show(
    document.getElementById('who'),
    h('span', {}, session.name),
    session.readOnly && h('span', { class: 'chip' }, 'read only'),
    session.token && h('button', { type: 'button', onclick: signOut }, 'Sign out'),
  );
  await arrive();
  if (following) return;
  following = true;
  let was = true;
  follow({
    onevent: () => again(burst),
    onstate: (there) => {
      drawLive(there ? 'live' : 'reconnecting');
      if (there && !was && !halted) refresh();
      was = there;
    },
  });
}

addEventListener('hashchange', async () => {
  await arrive();
  // A new page is read from its heading on.
  main.focus({ preventScroll: true });
});
document.querySelector('.skip').onclick = (event) => {
  event.preventDefault();
  main.focus();
};
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && place && !halted) refresh();
});
// What was changed here is shown at once, whether its event has come or not.
addEventListener('changed', () => refresh());
setInterval(tick, 1000);
drawLive('connecting');
start();
