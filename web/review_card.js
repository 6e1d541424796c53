/* The card of a review: the kind, and what speaks for which label. */
import {h, log, visible} from './dom.js';
import {ago, share} from './format.js';
import {amounts, by, chip, kindLink, lines, tag} from './parts.js';
import {store} from './store.js';

const CARDS = 'logclass.cards',
  BLIND_EVERY = 20;

/** One card in twenty shows no suggestion: how often people and program agree is measured on these. */
export function drawBlind() {
  const n = Number(sessionStorage.getItem(CARDS) || 0) + 1;
  sessionStorage.setItem(CARDS, String(n));
  return n % BLIND_EVERY === 0;
}

/** The note of a word on such a card: what was likeliest is part of it, so that later heads change nothing in it. */
export function blindNote(k) {
  const likeliest = (k.top || [])[0] || k.best;
  return likeliest ? `blind check, likeliest ${likeliest.label_id}` : 'blind check';
}

function sources(k) {
  const all = k.sources || [];
  if (!all.length) return null;
  return [
    ' · from ',
    all.slice(0, 2).map(([name], i) => [i ? ', ' : '', h('bdi', visible(name || '(none)'))]),
    all.length > 2 ? ` (+${all.length - 2})` : null,
  ];
}

const REASONS = {unsure: 'no label is likely enough', other: 'surely none of the labels', below_threshold: 'no label is likely enough'};
const why = k => (k.why ? visible(REASONS[k.why] || k.why) : 'no label is likely enough');

function nearest(k) {
  const n = k.nearest1 || (k.nearest || [])[0];
  if (!n) return null;
  return h(
    'p',
    h('span.quiet', 'nearest known: '),
    h('a', {href: kindLink(n.id)}, log(n.template)),
    ' ',
    chip(n.label_id),
    n.corrected_by ? h('span.quiet', ` ${visible(n.corrected_by)}`) : null,
  );
}

export function cardOf(k, blind) {
  const top = k.top || [k.best, k.second].filter(Boolean);
  return h(
    'article.card',
    {tabindex: '-1', 'data-focus': true, 'aria-label': `Kind: ${visible(k.template)}`},
    h('p.template', log(k.template, {cut: k.cut})),
    k.examples && k.examples[0] ? h('p', h('span.quiet', 'for example '), log(k.examples[0], {values: false})) : null,
    h('p', tag(k), tag(k) ? ' ' : null, `${lines(k.lines_24h)} today · first `, ago(k.first, '', ' ago'), sources(k)),
    blind
      ? h('p.notice', 'A blind check: no suggestion is shown, so that the two of you can be compared.')
      : h(
          'div.split',
          h('div', amounts(top)),
          h(
            'div',
            k.stage === 'fallback'
              ? h('p', h('span.quiet', 'why undecided: '), why(k))
              : h('p', h('span.quiet', 'now: '), chip(k.label_id), ' ', by(k)),
            nearest(k),
          ),
        ),
  );
}

/* The likeliest first; where nothing may be suggested, as they always stand. */
export function rank(k, label, blind) {
  const i = blind ? -1 : (k.top || []).findIndex(t => t.label_id === label.label_id);
  return i < 0 ? 99 + store.session.labels.indexOf(label) : i;
}
