// What comes from the API becomes text and attributes, never markup: this file
// is the only one that makes elements, and it knows no innerHTML.

const SVG = 'http://www.w3.org/2000/svg';

export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

// Handlers are kept by name, so that morph can hand them from a new tree to the
// one that is shown.
const handlers = new WeakMap(); // element -> names of its handlers

function fill(node, props, children) {
  const names = [];
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) {
      node[name] = value;
      names.push(name);
    } else {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  if (names.length > 0) handlers.set(node, names);
  node.append(...shown(children));
  return node;
}

function shown(children) {
  return children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false && c !== '');
}

// show makes node's children those given, and keeps the elements that are there
// already: focus, scroll position, open details and typed text stay.
export function show(node, ...children) {
  const next = document.createElement('div');
  next.append(...shown(children));
  const focused = document.activeElement;
  morphChildren(node, next);
  // An element that was moved has lost the focus.
  if (focused !== document.activeElement && node.contains(focused)) focused.focus({ preventScroll: true });
}

function morph(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  morphAttributes(old, next);
  for (const name of handlers.get(old) ?? []) old[name] = null;
  for (const name of handlers.get(next) ?? []) old[name] = next[name];
  if (handlers.has(next)) handlers.set(old, handlers.get(next));
  else handlers.delete(old);
  // What a form's field or a details element holds is the user's.
  if (!old.hasAttribute('data-own')) morphChildren(old, next);
}

function morphAttributes(old, next) {
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !(name === 'open' && old.nodeName === 'DETAILS')) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    const before = old.getAttribute(name);
    if (before === value || (name === 'open' && old.nodeName === 'DETAILS')) continue;
    old.setAttribute(name, value);
    if (name === 'data-state' && before !== null) flash(old);
  }
}

function morphChildren(old, next) {
  const keyed = new Map();
  for (const child of old.children) {
    if (child.dataset?.key) keyed.set(child.dataset.key, child);
  }
  const wanted = new Set([...next.children].map((child) => child.dataset?.key));
  let at = old.firstChild;
  for (const child of [...next.childNodes]) {
    while (at?.dataset?.key && !wanted.has(at.dataset.key)) at = drop(at);
    const twin = child.dataset?.key ? keyed.get(child.dataset.key) : at;
    if (twin && alike(twin, child)) {
      if (twin === at) at = at.nextSibling;
      else old.insertBefore(twin, at);
      morph(twin, child);
    } else {
      old.insertBefore(child, at);
    }
  }
  while (at) at = drop(at);
}

function drop(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.dataset?.key === b.dataset?.key;
}

const still = matchMedia('(prefers-reduced-motion: reduce)');

function flash(node) {
  if (still.matches) return;
  node.animate({ backgroundColor: ['var(--flash)', 'transparent'] }, { duration: 2500, easing: 'ease-out' });
}
