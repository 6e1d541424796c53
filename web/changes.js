/* A person's changes: sent, told, taken back. */
import {post, requestId} from './api.js';
import {h, put, visible} from './dom.js';
import {dialog} from './keys.js';
import {chip, kindLink, labelKeys, lines} from './parts.js';
import {changed, labelOf, may, needs, store} from './store.js';
import {ago, number, plural} from './format.js';

const SAY_MS = 5000,
  TOAST_MS = 12000;
const done = []; /* batches of this sitting, the last one last */

let sayTimer = 0,
  saidAt = 0,
  toastTimer = 0;

/** For screen readers: at most one announcement in five seconds, the latest. */
export function say(text) {
  clearTimeout(sayTimer);
  sayTimer = setTimeout(
    () => {
      saidAt = Date.now();
      put(document.getElementById('said'), text);
    },
    Math.max(0, saidAt + SAY_MS - Date.now()),
  );
}

/* Whence the focus came into the toast: it goes back there when the toast goes. */
let cameFrom = null;
document.addEventListener('focusin', e => {
  const box = document.getElementById('toast');
  if (box.contains(e.target) && e.relatedTarget && !box.contains(e.relatedTarget)) cameFrom = e.relatedTarget;
});

function clear(box) {
  const holds = box.contains(document.activeElement);
  if (holds && cameFrom && cameFrom.isConnected) cameFrom.focus({preventScroll: true});
  put(box);
}

/** A sentence at the foot of the page, with what can be done about it; gone after a while. */
export function toast(text, ...acts) {
  clearTimeout(toastTimer);
  const box = document.getElementById('toast');
  clear(box);
  put(box, h('div', h('span', text), acts));
  say(text);
  toastTimer = setTimeout(() => {
    if (!box.contains(document.activeElement)) put(box);
  }, TOAST_MS);
}

const undoButton = () => h('button', {type: 'button', on: {click: undoLast}}, h('kbd', 'u'), 'undo');

/** A conflict as a sentence. */
function conflictText(e) {
  const c = (e.data.conflicts || [])[0];
  return c
    ? [
        visible(c.by || 'Somebody'),
        ' set ',
        c.label_id ? chip(c.label_id) : 'it back',
        ' ',
        ago(c.at, '', ' ago'),
        '; yours was not saved.',
      ]
    : [visible(e.message)];
}

export function tellFailure(e) {
  if (e.name === 'AbortError') return;
  const why = e.status === 409 && e.data.conflicts ? conflictText(e) : [visible(e.message)];
  toast(h('span.bad', why));
}

/* What is not known of a kind is not sent: the server then takes the family. */
const change = (k, label_id, more) => ({id: k.id, rev: k.rev, label_id, scope: 'family', ...more});

/* Changes on their way: an undo waits for them, so that it takes back what the person did last. */
const under = new Set();

/** Resolves when what is on its way has been answered. */
export const settled = () => Promise.allSettled([...under]);

async function send(path, body, text) {
  const entry = {text, batch: null},
    sent = post(path, body);
  under.add(sent);
  done.push(entry); /* in the order of the strokes, whichever answer comes first */
  try {
    const r = await sent;
    entry.batch = r.batch;
    changed('corrections', 'kinds');
    return r;
  } finally {
    under.delete(sent);
    if (!entry.batch) done.splice(done.indexOf(entry), 1);
  }
}

/** Labels these kinds. Resolves to the server's answer; throws what it refused. */
export function decide(kinds, label_id, more = {}) {
  const changes = kinds.map(k => change(k, label_id, more));
  return send(
    'corrections',
    {request: requestId(), changes},
    `${label_id} for ${kinds.length === 1 ? 'a kind' : plural(kinds.length, 'kind')}`,
  );
}

/** Labels all kinds that a filter finds, if there are as many as the person saw. */
export function decideAll(filter, expect, label_id) {
  return send('corrections', {request: requestId(), filter, expect, label_id}, `${label_id} for ${plural(expect, 'kind')}`);
}

/** "BACKUP: 412 lines a day from now on." */
export function tellDecision(r, label_id, n, ...acts) {
  const text = `${visible(label_id)}: ${n > 1 ? plural(n, 'kind') + ', ' : ''}${lines(r.lines_24h || 0)} a day from now on.`;
  toast(text, ...acts, undoButton());
  return text;
}

export async function setState(kinds, state) {
  if (!may('label')) return toast(needs('label'));
  try {
    await send('kinds/state', {ids: kinds.map(k => k.id), state}, state);
    toast(
      `${kinds.length === 1 ? 'One kind' : plural(kinds.length, 'kind')} ${state === 'muted' ? 'muted until it rises' : state}.`,
      undoButton(),
    );
    return true;
  } catch (e) {
    tellFailure(e);
    return false;
  }
}

const undone = new Set();

/** f(batch, kinds as they are now) after each undo; returns what ends that. */
export function onUndo(f) {
  undone.add(f);
  return () => undone.delete(f);
}

/** Takes a batch back. Resolves to whether that was done. */
export async function undo(batch) {
  try {
    const r = await post('corrections/undo', {batch});
    const i = done.findIndex(d => d.batch === batch);
    if (i >= 0) done.splice(i, 1);
    changed('corrections', 'kinds');
    for (const f of undone) f(batch, r.items || []);
    return true;
  } catch (e) {
    tellFailure(e);
    return false;
  }
}

/** The u key. */
export async function undoLast() {
  await settled();
  const last = done[done.length - 1];
  if (!last) return toast('Nothing to undo in this sitting. Older changes are on Learn, under History.');
  if (await undo(last.batch)) toast(`Undone: ${visible(last.text)}.`);
}

/** A label by name: type, Enter takes the first that fits. */
export function chooseLabel() {
  return dialog('Label by name', close => {
    const list = h('div.options'),
      input = h('input.wide', {type: 'text', 'data-first': true, autocomplete: 'off', 'aria-label': 'Part of a label’s name'});
    const fits = () =>
      store.session.labels.filter(l => `${l.label_id} ${l.label}`.toLowerCase().includes(input.value.trim().toLowerCase()));
    const draw = () =>
      put(
        list,
        fits().map(l =>
          h(
            'button',
            {type: 'button', on: {click: () => close(l.label_id)}},
            h('span', chip(l.label_id), ' ', h('span.quiet', visible(l.description || l.label))),
          ),
        ),
      );
    input.addEventListener('input', draw);
    input.addEventListener('keydown', e => {
      if (e.key !== 'Enter' || !fits().length) return;
      e.preventDefault(); /* or the same stroke would press the first button of what opens next */
      close(fits()[0].label_id);
    });
    draw();
    return [input, list];
  });
}

/** Asks before many are changed at once: the number and the lines a day are in the sentence. */
export function confirmMany(n, linesADay, label_id) {
  return dialog('Label all of them?', close => [
    h('p', `${plural(n, 'kind')}, ${lines(linesADay)} a day, get `, chip(label_id), ` (${visible(labelOf(label_id).label)}) from now on.`),
    h(
      'p.bar',
      h('button.first', {type: 'button', 'data-first': true, on: {click: () => close(true)}}, `Label ${plural(n, 'kind')}`),
      h('button', {type: 'button', on: {click: () => close(false)}}, 'Cancel'),
    ),
  ]);
}

/** Kinds that look alike, all ticked; resolves to those that are to be labelled. */
export function chooseAlike(items, label_id) {
  const boxes = items.map((k, i) => h('input', {type: 'checkbox', checked: true, id: `alike-${i}`}));
  return dialog(`${plural(items.length, 'kind')} look alike`, close => {
    const apply = () => close(items.filter((_, i) => boxes[i].checked));
    const box = h(
      'div',
      {
        on: {
          keydown: e => {
            if (e.key === 'Enter' && e.target.type === 'checkbox') {
              e.preventDefault();
              apply();
            }
          },
        },
      },
      h('p', 'These get ', chip(label_id), ' too:'),
      h(
        'ul.scroll',
        items.map((k, i) =>
          h(
            'li.bar',
            boxes[i],
            h('label', {for: `alike-${i}`}, h('span.number', (k.similarity || 0).toFixed(2)), ' ', visible(k.template)),
            k.lines_24h !== undefined ? h('span.quiet.number', lines(k.lines_24h)) : null,
            h('a.small', {href: kindLink(k.id), target: '_blank', rel: 'noopener'}, 'details'),
          ),
        ),
      ),
      h(
        'p.bar',
        h('button.first', {type: 'button', 'data-first': true, on: {click: apply}}, h('kbd', 'Enter'), 'Apply'),
        h('button', {type: 'button', on: {click: () => close(null)}}, 'Cancel'),
      ),
    );
    return box;
  });
}

export {labelKeys, number};

/** A button that asks the LLM about one line, and what it said; null where there is none. */
export function askButton(entry, signal) {
  if (!store.session.features.llm) return null;
  const said = h('span', {role: 'status'});
  const why = needs('label');
  let asking = false; /* a button that is disabled would lose the focus */
  const ask = async () => {
    if (asking) return;
    asking = true;
    put(said, h('span.quiet', 'asking …'));
    try {
      const {asked} = (await post('explain', {entries: [entry], ask_llm: true}, signal)).items[0];
      put(said, asked.error ? h('span.bad', visible(asked.error)) : ['the LLM says ', chip(asked.label_id)]);
    } catch (e) {
      put(said);
      tellFailure(e);
    }
    asking = false;
  };
  const button = h('button', {type: 'button', disabled: !!why, title: why, on: {click: ask}}, 'ask the LLM');
  return h('p.bar', button, said);
}
