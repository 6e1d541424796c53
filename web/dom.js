/* The one place where nodes are made. Text becomes text nodes, so nothing that a log line holds is ever read as markup. */

const SVG = 'http://www.w3.org/2000/svg';
const PLACES = /^[#/]/; /* where links may lead: within this server */

function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (/^on/i.test(name)) throw new Error(`${name} is no attribute of this page`);
  if (name === 'href' && !PLACES.test(value)) throw new Error('links lead to this server only');
  if (name === 'value' || name === 'checked' || name === 'disabled' || name === 'indeterminate') node[name] = value;
  else node.setAttribute(name, value === true ? '' : value);
}

function fill(node, children) {
  for (const c of children) {
    if (c === null || c === undefined || c === false) continue;
    if (Array.isArray(c)) fill(node, c);
    else node.append(c instanceof Node ? c : document.createTextNode(String(c)));
  }
  return node;
}

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') for (const [event, f] of Object.entries(value)) node.addEventListener(event, f);
    else setAttribute(node, name, value);
  }
  return fill(node, children);
}

/** h('p.quiet', {title: 'x', on: {click: f}}, 'text', node, [more]): an element. The attributes may be left out. */
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(' ');
  const plain = attributes && attributes.constructor === Object && !(attributes instanceof Node);
  return plain ? make(node, attributes, children) : make(node, {}, [attributes, ...children]);
}

/** The same in a drawing. */
export function s(tag, attributes = {}, ...children) {
  return make(document.createElementNS(SVG, tag), attributes, children);
}

/* ---- the focus is never lost: who works with keys alone goes on from where they were ---- */

const CONTROLS = 'a[href], button:not([disabled]), input:not([disabled]), select, textarea, summary, [tabindex]';
const seen = n => n.getClientRects().length > 0;
const controls = node => [...node.querySelectorAll(CONTROLS)].filter(seen);

/* What a control is called, however often it is drawn anew: keys that stand on it and what it looks like do not count. */
function called(n) {
  const text = [...n.childNodes].filter(c => c.nodeName !== 'KBD').map(c => c.textContent);
  return n.id || [n.tagName, n.getAttribute('href'), n.getAttribute('aria-label'), ...text].join('|');
}

/* Where in the node the focus is; null: it is not there. */
function focusIn(node) {
  const at = document.activeElement;
  if (!at || at === node || !node.contains(at)) return null;
  const all = controls(node),
    name = called(at),
    alike = all.filter(n => called(n) === name);
  return {name, index: all.indexOf(at), nth: alike.indexOf(at), alike: alike.length};
}

const headline = () => document.querySelector('main [data-focus]') || document.querySelector('main h1') || document.getElementById('main');

/* What comes behind the node, or before it. */
function neighbour(node) {
  const all = controls(document.getElementById('main')).filter(n => n.tabIndex >= 0 && !node.contains(n));
  return all.find(n => node.compareDocumentPosition(n) & Node.DOCUMENT_POSITION_FOLLOWING) || all[all.length - 1];
}

/* To the same control in what was drawn anew; else to the one before it, for the next stroke is not to do to another what was done to this one. */
function giveFocus(node, lost) {
  const all = controls(node),
    alike = all.filter(n => called(n) === lost.name),
    same = alike.length === lost.alike ? alike[lost.nth] : null,
    inMain = document.getElementById('main').contains(node);
  const to = same || all[Math.min(Math.max(0, lost.index - 1), all.length - 1)] || (inMain && neighbour(node)) || headline();
  to.focus({preventScroll: true});
}

/** Puts these in place of whatever the node holds. */
export function put(node, ...children) {
  const lost = focusIn(node);
  node.replaceChildren();
  fill(node, children);
  if (lost && document.activeElement === document.body) giveFocus(node, lost);
  return node;
}

/** Brings a list to these items. Nodes of known keys stay where they can, so that focus and scrolling hold. */
export function keyed(list, items, key, draw) {
  const held = [...list.children].find(n => n.contains(document.activeElement)),
    lost = held && focusIn(held),
    place = held ? [...list.children].indexOf(held) : 0;
  const old = new Map([...list.children].filter(n => n.dataset.key).map(n => [n.dataset.key, n]));
  let at = [...list.children].find(n => n.dataset.key) || null;
  for (const item of items) {
    const k = key(item),
      known = old.get(k),
      fresh = draw(item, known);
    fresh.dataset.key = k;
    if (known && fresh !== known) {
      if (known === at) at = known.nextSibling;
      known.replaceWith(fresh);
    }
    old.delete(k);
    if (fresh === at) at = at.nextSibling;
    else if (!known || fresh.nextSibling !== at) list.insertBefore(fresh, at);
  }
  for (const n of old.values()) n.remove();
  if (!lost || document.activeElement !== document.body) return;
  const rows = [...list.children],
    same = rows.find(n => n.dataset.key === held.dataset.key),
    row = same || rows[Math.min(place, rows.length - 1)];
  if (same) giveFocus(same, lost);
  else ((row && row.querySelector('a')) || neighbour(list) || headline()).focus({preventScroll: true});
}

/** Hands a text to the person as a file. */
export function keep(text, name) {
  const a = h('a', {download: name});
  a.href = URL.createObjectURL(new Blob([text], {type: 'text/plain'}));
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

/* ---- log text ---- */

/* Control, bidi, invisible and unpaired characters: shown as what they are (Trojan Source). */
const HIDDEN =
  '[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202f' +
  '\\u205f-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\u{e0000}-\\u{e0fff}]|\\p{Cs}';
const VALUE = '<(?:time|id|ip|mac|version|path|link|email|host|user)>|#';
const HIDDEN_RE = new RegExp(HIDDEN, 'gu');
const PARTS = {true: new RegExp(`(${VALUE})|(${HIDDEN})`, 'gu'), false: new RegExp(`(\\0\\0never)|(${HIDDEN})`, 'gu')};

function escaped(c) {
  const n = c.codePointAt(0);
  return n > 0xffff ? `\\u{${n.toString(16)}}` : `\\u${n.toString(16).padStart(4, '0')}`;
}

/** Text for titles, names and announcements, nothing in it hidden. */
export function visible(text) {
  const seen = String(text ?? '').replace(HIDDEN_RE, escaped);
  return seen.trim() === '' ? '(blank)' : seen;
}

function pieces(text, values) {
  const out = [];
  let at = 0;
  for (const m of text.matchAll(PARTS[values])) {
    if (m.index > at) out.push(text.slice(at, m.index));
    out.push(m[1] ? h('i', m[1]) : h('span.escape', escaped(m[0])));
    at = m.index + m[0].length;
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

/* What the server counts in bytes, as a place in a string. */
function byteToIndex(text, bytes) {
  const all = new TextEncoder().encode(text);
  return new TextDecoder().decode(all.subarray(0, Math.max(0, bytes))).length;
}

/** A log line or template, as it is. values: placeholders are set off; span: [from, to) in bytes, marked; cut: there is more. */
export function log(text, {values = true, span = null, cut = false} = {}) {
  const t = String(text ?? '');
  if (t.trim() === '')
    return h('span.log', {dir: 'ltr'}, h('span.quiet', t === '' ? '(blank)' : pieces(t, false), t === '' ? null : ' (blank)'));
  let parts;
  if (span) {
    const [from, to] = [byteToIndex(t, span[0]), byteToIndex(t, span[1])];
    parts = [pieces(t.slice(0, from), values), h('mark', pieces(t.slice(from, to), values)), pieces(t.slice(to), values)];
  } else {
    parts = pieces(t, values);
  }
  return h('span.log', {dir: 'ltr'}, parts, cut ? ' …' : null);
}
