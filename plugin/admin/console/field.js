// A form's control with its label.

import { h } from './dom.js';

// The label stands beside its control, not around it: around a select it would
// be read out with all of the select's options.
export function field(label, control) {
  const id = `field-${control.name}`;
  control.id = id;
  return h('div', { class: 'field' }, h('label', { for: id }, label), control);
}
