/* What can be done with a card: as buttons, and as keys. */
import {h} from './dom.js';
import {act, digitKeys, labelKeys} from './parts.js';
import {rank} from './review_card.js';
import {needs, store} from './store.js';

const FEW = 3;

const likeliest = k => (k.top || [k.best, k.second].filter(Boolean)).slice(0, 1).map(t => t.label_id);
const toRule = id => `#rules?from=${id}`;
const toKind = id => `#kind?id=${id}`;

/** The buttons below a card. On a phone: the likeliest labels, and a way to the others. */
export function drawKeys(desk, k, blind) {
  const narrow = matchMedia('(max-width: 40rem)').matches,
    likely = blind ? [] : likeliest(k),
    label = id => desk.label(id),
    byRank = (a, b) => rank(k, a, blind) - rank(k, b, blind),
    grid = labelKeys(label, {likely, only: narrow ? [...store.session.labels].sort(byRank).slice(0, FEW) : null});
  if (narrow) grid.append(act('More …', 'label', () => desk.byName()));
  return [
    grid,
    h(
      'div.bar',
      likely.length ? act('first is right', 'label', () => label(likely[0]), {key: 'Enter'}) : null,
      act('skip', null, () => desk.step(1), {key: 's'}),
      act(narrow ? 'mute' : 'mute until it rises', 'label', () => desk.mute(), {key: 'm'}),
      desk.at > 0 ? act('back', null, () => desk.step(-1), {key: 'b'}) : null,
      narrow ? null : act('rule from this', 'view', () => desk.leave(toRule), {key: 'r'}),
      act('details', null, () => desk.leave(toKind), {key: 'd'}),
      !narrow && store.session.labels.length > 9 ? act('label by name', 'label', () => desk.byName(), {key: 'l'}) : null,
      needs('label') ? h('span.quiet', needs('label')) : null,
    ),
  ];
}

/** The same as keys. */
export function keymap(desk) {
  return {
    ...digitKeys(id => desk.label(id)),
    Enter: () => {
      const k = desk.kind,
        first = k && !desk.blind.get(k.id) && likeliest(k)[0];
      if (first) desk.label(first);
    },
    s: () => desk.step(1),
    b: () => desk.step(-1),
    m: () => desk.mute(),
    a: () => desk.alike(),
    r: () => desk.leave(toRule),
    d: () => desk.leave(toKind),
    l: () => desk.byName(),
  };
}
