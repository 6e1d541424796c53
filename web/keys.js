/* Keys: those that hold everywhere and those of the view. One table; the help is made from it. */
import {h, put} from './dom.js';

const OFF = 'logclass.keys-off';
const SEQUENCE_MS = 1500;

export const VIEWS = [
  ['now', 'Now', 'n'],
  ['review', 'Review', 'r'],
  ['kinds', 'Kinds', 'k'],
  ['rules', 'Rules', 'u'],
  ['learn', 'Learn', 'l'],
  ['health', 'Health', 'h'],
];

const TABLE = [
  [
    'Everywhere',
    [
      ['?', 'this list'],
      ['g n', 'Now'],
      ['g r', 'Review'],
      ['g k', 'Kinds'],
      ['g u', 'Rules'],
      ['g l', 'Learn'],
      ['g h', 'Health'],
      ['t', 'try a line'],
      ['/', 'search'],
      ['u', 'undo my last change'],
      ['Esc', 'close, leave a field'],
    ],
  ],
  [
    'Review',
    [
      ['1–9', 'label, next'],
      ['Enter', 'the first is right'],
      ['s', 'skip'],
      ['b', 'back'],
      ['m', 'mute until it rises'],
      ['a', 'look-alikes'],
      ['r', 'rule from this'],
      ['d', 'details'],
      ['l', 'label by name'],
    ],
  ],
  [
    'Lists',
    [
      ['j', 'down'],
      ['k', 'up (where nothing is selected)'],
      ['Enter', 'open'],
      ['x', 'select'],
      ['X', 'select up to here'],
      ['1–9', 'label the selection'],
      ['m', 'mute'],
      ['k', 'known (the selection)'],
      ['r', 'rule from the selection'],
    ],
  ],
];

export const singleKeysOff = () => localStorage.getItem(OFF) === '1';

let general = {},
  own = {},
  pending = 0;

export const setGeneralKeys = keys => {
  general = keys;
};
export const setViewKeys = keys => {
  own = keys || {};
};

const isField = node =>
  node && (/^(TEXTAREA|SELECT)$/.test(node.tagName) || (node.tagName === 'INPUT' && node.type !== 'checkbox') || node.isContentEditable);

/* Enter and the space bar belong to the button or link that has the focus. */
const isPressable = node => node && /^(BUTTON|A|SUMMARY|INPUT)$/.test(node.tagName);

function onKey(e) {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
  if (e.key === 'Escape') {
    if (isField(document.activeElement) && !document.querySelector('dialog[open]')) document.activeElement.blur();
    return;
  }
  if (singleKeysOff() || isField(e.target) || document.querySelector('dialog[open]')) return;
  if ((e.key === 'Enter' || e.key === ' ') && isPressable(e.target)) return;
  const sequence = pending && Date.now() - pending < SEQUENCE_MS ? 'g ' : '';
  pending = 0;
  if (!sequence && e.key === 'g') {
    pending = Date.now();
    return;
  }
  const f = sequence ? general[sequence + e.key] : own[e.key] || general[e.key];
  if (!f || (e.repeat && !/^[jk]$/.test(e.key))) return; /* a key held down decides one card, not forty */
  e.preventDefault();
  f(e);
}

document.addEventListener('keydown', onKey);

/** Opens a dialog with this in it; resolves to what close(value) was given, null where it was left with Esc. */
export function dialog(title, build) {
  return new Promise(done => {
    let result = null;
    const box = h('dialog', {'aria-label': title});
    const close = value => {
      result = value;
      box.close();
    };
    box.append(h('h2', title), h('div', build(close)));
    box.addEventListener('close', () => {
      box.remove();
      done(result);
    });
    document.body.append(box);
    box.showModal();
    (box.querySelector('[data-first]') || box).focus();
  });
}

function keyList([name, rows]) {
  return h(
    'div',
    h('h3', name),
    h(
      'dl.facts',
      rows.map(([k, what]) => [
        h(
          'dt',
          k.split(' ').map(x => h('kbd', x)),
        ),
        h('dd', what),
      ]),
    ),
  );
}

/** All keys, and the switch. */
export function showHelp() {
  const state = h('span', {role: 'status'});
  const say = () => put(state, singleKeysOff() ? 'Single keys are off.' : '');
  const box = h('input', {
    type: 'checkbox',
    id: 'keys-off',
    checked: singleKeysOff(),
    'data-first': true,
    on: {
      change: () => {
        localStorage.setItem(OFF, box.checked ? '1' : '0');
        say();
      },
    },
  });
  say();
  return dialog('Keys', close => [
    h('p.bar', box, h('label', {for: 'keys-off'}, 'Single keys off (for speech input, or hands that rest on the keys)'), state),
    h('div.columns', TABLE.map(keyList)),
    h('p.bar', h('button.first', {on: {click: () => close()}}, 'Close')),
  ]);
}

/* ---- lists of kinds: a cursor row, the one that has the focus ---- */

const links = list => [...list.querySelectorAll('.row > a')];

function move(list, by) {
  const all = links(list),
    row = document.activeElement && document.activeElement.closest('.row');
  const at = all.findIndex(a => row && row.contains(a));
  const next = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
  if (next) next.focus();
}

/** The id of the row that the cursor is on. */
export function cursor(list) {
  const row = document.activeElement && document.activeElement.closest('.row');
  return row && list.contains(row) ? row.dataset.id : null;
}

export const rowKeys = list => ({j: () => move(list, 1), k: () => move(list, -1)});
