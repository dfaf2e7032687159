// A place in the console is the part of the address after #: it can be kept,
// sent to a colleague, and gone back to.

// link is #/SEGMENT/...?NAME=VALUE..., without what is empty.
export function link(segments, query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) {
      if (one !== undefined && one !== null && one !== '' && one !== 0) words.append(name, one);
    }
  }
  const text = words.toString();
  return `#/${segments.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}

export function parse(hash) {
  const [path, query] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  return { segments: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query ?? '') };
}

// An address that somebody cut off in the middle is no reason for a blank page.
function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// go shows another place; the same place is loaded anew.
export function go(href) {
  if (location.hash === href) dispatchEvent(new HashChangeEvent('hashchange'));
  else location.hash = href;
}
