// The HTTP API, under /api/v1.

import { session, signIn } from './session.js';

// Problem is why a call failed; its message is the API's own sentence.
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status; // 0: the server could not be reached
  }
}

export const get = (path, query) => call('GET', path, { query });
export const post = (path, body, key) => call('POST', path, { body, key });
export const put = (path, body, key) => call('PUT', path, { body, key });
export const remove = (path, query, key) => call('DELETE', path, { query, key });

// path joins segments, each of which may hold any character.
export const path = (...segments) => segments.map(encodeURIComponent).join('/');

// once makes keys by which a call that is tried again is known to be the same:
// one for as long as the body stays what it was.
export function once() {
  let last, key;
  return (body) => {
    const text = JSON.stringify(body);
    if (text !== last) {
      last = text;
      key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
    }
    return key;
  };
}

// open is a response that is there and good. A quiet call never asks for a token.
export async function open(method, path, { query, body, key, headers, signal, quiet } = {}) {
  const url = `/api/v1/${path}${search(query)}`;
  for (;;) {
    const { token } = session;
    const response = await fetch(url, {
      method,
      signal,
      cache: 'no-store',
      credentials: 'same-origin',
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body && { 'Content-Type': 'application/json' }),
        ...(key && { 'Idempotency-Key': key }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    }).catch((fault) => {
      throw signal?.aborted ? fault : new Problem(0, 'the server cannot be reached');
    });
    if (response.ok) return response;
    if (response.status === 401 && !quiet && (await signIn(token))) continue;
    throw await problem(response);
  }
}

async function call(method, path, options) {
  const response = await open(method, path, options);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

function search(query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) {
      if (one !== undefined && one !== null && one !== '') words.append(name, one);
    }
  }
  const text = words.toString();
  return text && `?${text}`;
}

async function problem(response) {
  const body = await response.json().catch(() => ({}));
  return new Problem(response.status, sentence(body) || `the server answered ${response.status} ${response.statusText}`);
}

// A refusal of several fields tells of each.
function sentence({ detail, title, errors }) {
  const more = (errors ?? []).map((e) => [e.location, e.message].filter(Boolean).join(': ')).filter(Boolean);
  return [detail || title, ...more].filter(Boolean).join('; ');
}
