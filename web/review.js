/* Review: one card after the other; one key labels and shows the next. */
import {get} from './api.js';
import {chooseAlike, chooseLabel, decide, onUndo, say, setState, tellFailure, toast, undoLast} from './changes.js';
import {h, log, put, visible} from './dom.js';
import {ago, plural, share} from './format.js';
import {act, amounts, by, chip, digitKeys, failure, kindLink, labelKeys, lines, tag} from './parts.js';
import {may, needs, store} from './store.js';

const ORDERS = [['lines', 'most lines'], ['unsure', 'least sure'], ['newest', 'newest'], ['mixed', 'mixed, with sure ones']];
const BATCH = 50, AHEAD = 10, BLIND_EVERY = 20;
const CARDS = 'logclass.cards';

/** One card in twenty shows no suggestion: how often people and program agree is measured on these. */
function drawBlind() {
  const n = Number(sessionStorage.getItem(CARDS) || 0) + 1;
  sessionStorage.setItem(CARDS, String(n));
  return n % BLIND_EVERY === 0;
}

function sources(k) {
  const all = k.sources || [];
  if (!all.length) return null;
  return [' · from ', all.slice(0, 2).map(([name], i) => [i ? ', ' : '', h('bdi', visible(name || '(none)'))]), all.length > 2 ? ` (+${all.length - 2})` : null];
}

const REASONS = {unsure: 'no label is likely enough', other: 'surely none of the labels', below_threshold: 'no label is likely enough'};
const why = k => k.why ? visible(REASONS[k.why] || k.why) : k.best ? `the likeliest is below ${share(store.session.threshold ?? 0.5, 0)}` : 'nothing decided it';

function nearest(k) {
  const n = k.nearest1 || (k.nearest || [])[0];
  if (!n) return null;
  return h('p', h('span.quiet', 'nearest known: '), h('a', {href: kindLink(n.id)}, log(n.template)), ' ', chip(n.label_id), n.corrected_by ? h('span.quiet', ` ${visible(n.corrected_by)}`) : null);
}

function cardOf(k, blind) {
  const top = k.top || [k.best, k.second].filter(Boolean);
  return h('article.card', {tabindex: '-1', 'data-focus': true, 'aria-label': `Kind: ${visible(k.template)}`},
    h('p.template', log(k.template, {cut: k.cut})),
    k.examples && k.examples[0] ? h('p', h('span.quiet', 'for example '), log(k.examples[0], {values: false})) : null,
    h('p', tag(k), tag(k) ? ' ' : null, `${lines(k.lines_24h)} today · first `, ago(k.first, '', ' ago'), sources(k)),
    blind ? h('p.notice', 'A blind check: no suggestion is shown, so that the two of you can be compared.')
      : h('div.split', h('div', amounts(top)), h('div', k.stage === 'fallback' ? h('p', h('span.quiet', 'why undecided: '), why(k)) : h('p', h('span.quiet', 'now: '), chip(k.label_id), ' ', by(k)), nearest(k))));
}

class Desk {
  constructor(view) {
    this.view = view;
    this.order = ORDERS.some(o => o[0] === view.params.order) ? view.params.order : 'lines';
    this.items = [];
    this.at = 0;
    this.seen = new Set();
    this.settled = 0; /* lines of today */
    this.decided = new Map(); /* id → {batch, card} of this sitting */
    this.head = h('div');
    this.card = h('div');
    this.keys = h('div');
    this.after = h('div.bar.after');
    this.blind = new Map();
  }

  get kind() { return this.items[this.at]; }

  async fetch() {
    const r = await get('review', {order: this.order, limit: BATCH}, this.view.signal);
    this.waiting = r.waiting;
    this.share = r.share;
    if (this.startShare === undefined) this.startShare = r.share;
    for (const k of r.items) if (!this.seen.has(k.id)) { this.seen.add(k.id); this.items.push(k); }
  }

  async start() {
    this.items = [];
    this.seen = new Set(this.decided.keys());
    this.at = 0;
    try {
      await this.fetch();
      this.draw();
    } catch (e) {
      if (e.name !== 'AbortError') put(this.card, failure(e, () => this.start()));
    }
  }

  drawHead() {
    const n = this.decided.size, total = n + Math.max(0, this.waiting || 0);
    const select = h('select', {id: 'order', on: {change: () => { this.order = select.value; this.view.set({order: this.order}); this.start(); }}},
      ORDERS.map(([id, text]) => h('option', {value: id, selected: id === this.order}, text)));
    put(this.head, h('div.title', h('h1', {tabindex: '-1'}, 'Review'),
      total ? h('p', h('progress', {max: total, value: n, 'aria-label': 'decided in this sitting'}), ` ${n} of ${total} done`) : null,
      Number.isFinite(this.share) ? h('p.quiet', `undecided lines ${this.startShare !== this.share && n ? share(this.startShare) + ' → ' : ''}${share(this.share)}`) : null,
      h('p', h('label', {for: 'order'}, 'order '), select)));
  }

  draw(focus = false) {
    this.drawHead();
    const k = this.kind;
    if (!k) return this.drawEmpty();
    if (!this.blind.has(k.id)) this.blind.set(k.id, drawBlind());
    const blind = this.blind.get(k.id), likely = blind ? [] : (k.top || [k.best, k.second].filter(Boolean)).slice(0, 1).map(t => t.label_id);
    put(this.card, cardOf(k, blind));
    const narrow = matchMedia('(max-width: 40rem)').matches, choose = id => this.label(id);
    const few = narrow ? [...store.session.labels].sort((a, b) => rank(k, a, blind) - rank(k, b, blind)).slice(0, 3) : null, grid = labelKeys(choose, {likely, only: few});
    if (narrow) grid.append(act('More …', 'label', () => this.byName()));
    const first = likely.length ? act('first is right', 'label', () => choose(likely[0]), {key: 'Enter'}) : null, back = this.at > 0 ? act('back', null, () => this.step(-1), {key: 'b'}) : null;
    put(this.keys, grid, h('div.bar', first, act('skip', null, () => this.step(1), {key: 's'}), act(narrow ? 'mute' : 'mute until it rises', 'label', () => this.mute(), {key: 'm'}), back,
      narrow ? null : act('rule from this', 'view', () => this.rule(), {key: 'r'}), act('details', null, () => this.details(), {key: 'd'}),
      !narrow && store.session.labels.length > 9 ? act('label by name', 'label', () => this.byName(), {key: 'l'}) : null, needs('label') ? h('span.quiet', needs('label')) : null));
    if (focus || this.card.contains(document.activeElement) || document.activeElement === document.body) this.card.firstChild.focus({preventScroll: true});
  }

  drawEmpty() {
    const n = this.decided.size;
    put(this.card, h('div.notice', h('p', {tabindex: '-1', 'data-focus': true}, n ? `Nothing waits. You decided ${plural(n, 'kind')} in this sitting; that was ${lines(this.settled)} of today.` : 'Nothing waits: every kind of line is decided, or muted.')));
    put(this.keys, this.order === 'mixed' ? null : h('p', act('Check the sure ones', null, () => { this.order = 'mixed'; this.start(); })));
    this.card.querySelector('[data-focus]').focus({preventScroll: true});
  }

  step(by) {
    this.at = Math.max(0, Math.min(this.items.length, this.at + by));
    put(this.after);
    this.draw(true);
    this.fill();
  }

  /* Behind the last card there may be more. */
  async fill() {
    if (this.items.length - this.at > AHEAD || this.filling) return;
    this.filling = true;
    const had = this.kind;
    try {
      await this.fetch();
      if (!had && this.kind) this.draw(true);
      else this.drawHead();
    } catch { /* the header tells when nobody answers */ }
    this.filling = false;
  }

  async label(label_id) {
    const k = this.kind;
    if (!k || !may('label')) return;
    const blind = this.blind.get(k.id), card = {kind: k, label_id};
    this.decided.set(k.id, card);
    this.settled += k.lines_24h;
    this.waiting = Math.max(0, (this.waiting || 0) - (k.stage === 'fallback' ? 1 : 0));
    this.step(1);
    put(this.after, `${visible(label_id)}: ${lines(k.lines_24h)} a day from now on.`);
    try {
      const r = await decide([k], label_id, blind ? {blind: true} : {});
      card.batch = r.batch;
      card.rev = r.rev;
      this.last = card;
      this.tell(card, r);
    } catch (e) {
      this.putBack(card);
      tellFailure(e);
    }
  }

  tell(card, r) {
    const text = `${visible(card.label_id)}: ${lines(r.lines_24h ?? card.kind.lines_24h)} a day from now on.`;
    put(this.after, h('span', text), r.alike ? h('span', ` ${plural(r.alike, 'kind')} ${r.alike === 1 ? 'looks' : 'look'} alike `) : null, r.alike ? act('show and apply', 'label', () => this.alike(), {key: 'a'}) : null,
      act('undo', 'label', undoLast, {key: 'u'}));
    say(text);
  }

  /* The card stands where it stood, and nothing counts. */
  putBack(card) {
    if (!this.decided.delete(card.kind.id)) return;
    this.settled -= card.kind.lines_24h;
    if (card.kind.stage === 'fallback') this.waiting++;
    const i = this.items.indexOf(card.kind);
    this.at = i >= 0 ? i : this.at;
    put(this.after);
    this.draw(true);
  }

  async alike() {
    const card = this.last;
    if (!card) return;
    try {
      const r = await get('kinds', {alike: card.kind.id, limit: 200}, this.view.signal);
      const items = r.items.filter(k => k.id !== card.kind.id && !this.decided.has(k.id));
      if (!items.length) return toast('No other kind looks like this one.');
      const some = await chooseAlike(items, card.label_id);
      if (!some || !some.length) return;
      const answer = await decide(some, card.label_id);
      for (const k of some) this.decided.set(k.id, {kind: k, label_id: card.label_id, batch: answer.batch});
      const here = this.kind;
      this.items = this.items.filter(k => !some.some(a => a.id === k.id));
      this.at = here && this.items.includes(here) ? this.items.indexOf(here) : Math.min(this.at, this.items.length);
      this.draw(true);
      put(this.after, `${visible(card.label_id)}: ${plural(some.length, 'kind')} more.`, act('undo', 'label', undoLast, {key: 'u'}));
    } catch (e) {
      tellFailure(e);
    }
  }

  async mute() {
    const k = this.kind;
    if (!k || !may('label')) return;
    this.step(1);
    if (!await setState([k], 'muted')) this.step(-1);
  }

  async byName() {
    const id = await chooseLabel();
    if (id) this.label(id);
  }

  rule() { if (this.kind) location.hash = `#rules?from=${encodeURIComponent(this.kind.id)}`; }
  details() { if (this.kind) location.hash = kindLink(this.kind.id); }

  undone(batch) {
    for (const card of [...this.decided.values()]) if (card.batch === batch) this.putBack(card);
    put(this.after, 'Undone.');
  }

  keymap() {
    return {...digitKeys(id => this.label(id)), Enter: () => { const first = this.kind && !this.blind.get(this.kind.id) && (this.kind.top || [this.kind.best])[0]; if (first) this.label(first.label_id); },
      s: () => this.step(1), b: () => this.step(-1), m: () => this.mute(), a: () => this.alike(), r: () => this.rule(), d: () => this.details(), l: () => this.byName()};
  }
}

/* The likeliest first; where nothing may be suggested, as they always stand. */
function rank(k, label, blind) {
  const i = blind ? -1 : (k.top || []).findIndex(t => t.label_id === label.label_id);
  return i < 0 ? 99 + store.session.labels.indexOf(label) : i;
}

export default async function review(view) {
  view.title('Review');
  const desk = new Desk(view);
  put(view.node, desk.head, desk.card, h('div.stick', desk.keys, desk.after));
  view.keys(desk.keymap());
  view.atEnd(onUndo(batch => desk.undone(batch)));
  await desk.start();
  view.follow(() => { if (!store.silent && !desk.kind) desk.fill(); });
}
