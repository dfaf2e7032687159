// Who is asking: the token, and what the API says about it.

import { h } from './dom.js';
import { field } from './field.js';
import { ask } from './dialog.js';

const slot = 'gtm-token'; // of sessionStorage: it ends with the tab

export const session = {
  name: '',
  readOnly: true, // until the API says otherwise
  blocks: [], // names of the gtm blocks

  get token() {
    return sessionStorage.getItem(slot) ?? '';
  },
};

// signOut forgets the token, and all that was shown with it.
export function signOut() {
  sessionStorage.removeItem(slot);
  location.reload();
}

// block is the query or body field that names a block, where it has to be named.
export function block(gtm) {
  return gtm && session.blocks.length > 1 ? { gtm } : {};
}

let asking = null; // the answer of the dialog that is open, or null

// signIn asks for a token, once for all calls that wait for one. It says whether
// there is one now that is not the refused one.
export function signIn(refused) {
  if (session.token !== refused) return true;
  asking ??= askToken(refused).finally(() => {
    asking = null;
  });
  return asking;
}

async function askToken(refused) {
  const input = h('input', { type: 'password', name: 'token', required: true, autocomplete: 'current-password', autofocus: true });
  return ask({
    title: 'This server wants a token',
    body: [
      refused && h('p', { class: 'refused' }, 'The token was not accepted.'),
      field('Token', input),
      h('p', { class: 'hint' }, 'It is kept in this tab alone, until the tab is closed.'),
    ],
    confirm: 'Sign in',
    submit: () => sessionStorage.setItem(slot, input.value.trim()),
  });
}
