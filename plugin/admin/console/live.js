// The events as they happen. EventSource cannot send a token, so the stream is
// read by fetch.

import { open } from './api.js';

const silence = 40_000; // the server says something every 15 s
const slowest = 15_000; // between two tries

// follow calls onevent for each event from now on, and onstate with whether the
// stream is there, for as long as the page is.
export async function follow({ onevent, onstate }) {
  let last; // ID of the newest event that was seen
  let started; // of the process that it was seen from
  let wait = 500;
  for (;;) {
    try {
      const status = await (await open('GET', 'status', { quiet: true })).json();
      if (status.started !== started) {
        // The IDs of a new process begin anew.
        started = status.started;
        last = await newest();
      }
      await read(last, (event) => {
        if (event === 'open') {
          wait = 500;
          onstate(true);
          return;
        }
        last = event.id;
        onevent(event);
      });
    } catch {
      // The mark in the page says so, and the next try comes.
    }
    onstate(false);
    await new Promise((done) => setTimeout(done, wait * (0.75 + Math.random() / 2)));
    wait = Math.min(wait * 2, slowest);
  }
}

async function newest() {
  const { items } = await (await open('GET', 'events', { query: { limit: 1 }, quiet: true })).json();
  return items.reduce((id, event) => Math.max(id, event.id), 0);
}

// read reads one stream to its end, or until it is silent for too long.
async function read(after, each) {
  const silent = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), silence);
  };
  heard();
  try {
    const response = await open('GET', 'events/stream', {
      quiet: true,
      signal: silent.signal,
      headers: { Accept: 'text/event-stream', ...(after && { 'Last-Event-ID': String(after) }) },
    });
    each('open');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      const blocks = (text + value).split(/\r?\n\r?\n/);
      text = blocks.pop();
      for (const one of blocks) {
        const event = parse(one);
        if (event) each(event);
      }
    }
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}

function parse(block) {
  const data = block
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trimStart());
  return data.length > 0 ? JSON.parse(data.join('\n')) : null;
}
