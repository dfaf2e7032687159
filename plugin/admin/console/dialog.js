// A modal dialog with a form: it closes once its work is done, and says what is
// wrong where it is not.

import { h, show } from './dom.js';

let count = 0;

// ask shows a dialog and resolves with whether it was confirmed. Where confirm
// is absent, it can only be closed.
export function ask({ title, body, confirm, danger, submit, wide }) {
  const id = `dialog-${++count}`;
  const fault = h('div', { role: 'alert' });
  const button = confirm && h('button', { type: 'submit', class: danger ? 'primary danger' : 'primary' }, confirm);
  const form = h(
    'form',
    { autocomplete: 'off' },
    h('h2', { id }, title),
    h('div', { class: 'dialog-body' }, body),
    fault,
    h('div', { class: 'buttons' }, button, h('button', { type: 'button', onclick: () => dialog.close() }, confirm ? 'Cancel' : 'Close')),
  );
  const dialog = h('dialog', { 'aria-labelledby': id, class: wide && 'wide' }, form);
  document.body.append(dialog);

  let confirmed = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (!confirm || button.disabled) return;
    button.disabled = true;
    show(fault);
    try {
      await submit(form);
      confirmed = true;
      dialog.close();
    } catch (problem) {
      show(fault, h('p', { class: 'refused' }, problem.message));
    } finally {
      button.disabled = false;
    }
  };
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      resolve(confirmed);
    };
    dialog.showModal();
  });
}
