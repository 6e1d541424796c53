/* Review: one card after the other; one key labels and shows the next. */
import {get} from './api.js';
import {chooseAlike, chooseLabel, decide, onUndo, say, setState, settled, tellFailure, toast, undoLast} from './changes.js';
import {h, put, visible} from './dom.js';
import {plural, share} from './format.js';
import {act, failure, kindsOff, lines} from './parts.js';
import {blindNote, cardOf, drawBlind} from './review_card.js';
import {drawKeys, keymap} from './review_keys.js';
import {may, store} from './store.js';

const ORDERS = [
  ['lines', 'most lines'],
  ['unsure', 'least sure'],
  ['newest', 'newest'],
  ['mixed', 'mixed, with sure ones'],
];
const BATCH = 50,
  AHEAD = 10;

class Desk {
  constructor(view) {
    this.view = view;
    this.order = ORDERS.some(o => o[0] === view.params.order) ? view.params.order : 'lines';
    this.items = [];
    this.at = 0;
    this.seen = new Set();
    this.settled = 0; /* lines of today */
    this.decided = new Map(); /* id → {batch, card} of this sitting */
    this.stale = new Set(); /* ids whose revision is another since */
    this.head = h('div');
    this.card = h('div');
    this.keys = h('div');
    this.after = h('div.bar.after');
    this.blind = new Map();
  }

  get kind() {
    return this.items[this.at];
  }

  async more() {
    await settled();
    const before = this.decided.size;
    const r = await get('review', {order: this.order, limit: BATCH}, this.view.signal);
    this.waiting = r.waiting - (this.decided.size - before);
    this.share = r.share;
    if (this.startShare === undefined) this.startShare = r.share;
    for (const k of r.items)
      if (!this.seen.has(k.id)) {
        this.seen.add(k.id);
        this.items.push(k);
      }
  }

  async start() {
    this.items = [];
    this.seen = new Set(this.decided.keys());
    this.at = 0;
    try {
      await this.more();
      this.draw();
    } catch (e) {
      if (e.name !== 'AbortError') put(this.card, kindsOff(e) || failure(e, () => this.start()));
    }
  }

  drawHead() {
    const n = this.decided.size,
      total = n + Math.max(0, this.waiting || 0);
    const select = h(
      'select',
      {
        id: 'order',
        on: {
          change: () => {
            this.order = select.value;
            this.view.set({order: this.order});
            this.start();
          },
        },
      },
      ORDERS.map(([id, text]) => h('option', {value: id, selected: id === this.order}, text)),
    );
    put(
      this.head,
      h(
        'div.title',
        h('h1', {tabindex: '-1'}, 'Review'),
        total ? h('p', h('progress', {max: total, value: n, 'aria-label': 'decided in this sitting'}), ` ${n} of ${total} done`) : null,
        Number.isFinite(this.share)
          ? h('p.quiet', `undecided lines ${this.startShare !== this.share && n ? share(this.startShare) + ' → ' : ''}${share(this.share)}`)
          : null,
        h('p', h('label', {for: 'order'}, 'order '), select),
      ),
    );
  }

  draw(focus = false) {
    this.drawHead();
    const k = this.kind;
    if (!k) return this.drawEmpty();
    if (!this.blind.has(k.id)) this.blind.set(k.id, drawBlind() || k.blind === true);
    const blind = this.blind.get(k.id);
    put(this.card, cardOf(k, blind));
    put(this.keys, drawKeys(this, k, blind));
    if (focus || this.card.contains(document.activeElement) || document.activeElement === document.body)
      this.card.firstChild.focus({preventScroll: true});
  }

  drawEmpty() {
    const n = this.decided.size;
    put(
      this.card,
      h(
        'div.notice',
        h(
          'p',
          {tabindex: '-1', 'data-focus': true},
          n
            ? `Nothing waits. You decided ${plural(n, 'kind')} in this sitting; that was ${lines(this.settled)} of today.`
            : 'Nothing waits: every kind of line is decided, or muted.',
        ),
      ),
    );
    put(
      this.keys,
      this.order === 'mixed'
        ? null
        : h(
            'p',
            act('Check the sure ones', null, () => {
              this.order = 'mixed';
              this.start();
            }),
          ),
    );
    this.card.querySelector('[data-focus]').focus({preventScroll: true});
  }

  step(by) {
    this.at = Math.max(0, Math.min(this.items.length, this.at + by));
    put(this.after);
    this.draw(true);
    if (by < 0) this.refreshed = this.refresh(this.kind);
    this.fill();
  }

  /* A card that something was said about already has another revision now. */
  async refresh(k) {
    if (!k || !(this.decided.has(k.id) || this.stale.has(k.id))) return;
    try {
      await settled();
      Object.assign(k, await get('kind', {id: k.id}, this.view.signal));
      if (k === this.kind) this.draw(true);
    } catch (e) {
      if (e.name !== 'AbortError') tellFailure(e);
    }
  }

  /* Behind the last card there may be more. */
  async fill() {
    if (this.items.length - this.at > AHEAD || this.filling) return;
    this.filling = true;
    const had = this.kind;
    try {
      await this.more();
      if (!had && this.kind) this.draw(true);
      else this.drawHead();
    } catch {
      /* the header tells when nobody answers */
    }
    this.filling = false;
  }

  async label(label_id) {
    const k = this.kind;
    if (!k || !may('label')) return;
    const blind = this.blind.get(k.id),
      again = this.decided.has(k.id),
      card = {kind: k, label_id};
    this.decided.set(k.id, card);
    this.newest = card;
    if (!again) this.settled += k.lines_24h;
    if (!again && k.stage === 'fallback') this.waiting = Math.max(0, (this.waiting || 0) - 1);
    this.step(1);
    put(this.after, `${visible(label_id)}: ${lines(k.lines_24h)} a day from now on.`);
    try {
      await this.refreshed; /* whoever goes back and labels at once is quicker than the revision */
      const r = await decide([k], label_id, blind ? {note: blindNote(k)} : {});
      card.batch = r.batch;
      if (card === this.newest) this.tell(card, r);
    } catch (e) {
      this.putBack(card);
      tellFailure(e);
    }
  }

  tell(card, r) {
    card.alike = r.alike;
    const text = `${visible(card.label_id)}: ${lines(r.lines_24h ?? card.kind.lines_24h)} a day from now on.`;
    put(
      this.after,
      h('span', text),
      r.alike ? h('span', ` ${plural(r.alike, 'kind')} ${r.alike === 1 ? 'looks' : 'look'} alike `) : null,
      r.alike ? act('show and apply', 'label', () => this.alike(), {key: 'a'}) : null,
      act('undo', 'label', undoLast, {key: 'u'}),
    );
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
    const card = this.newest;
    if (!card || !card.alike) return;
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
    this.stale.add(k.id);
    this.step(1);
    if (!(await setState([k], 'muted'))) this.step(-1);
  }

  async byName() {
    const id = await chooseLabel();
    if (id) this.label(id);
  }

  leave(link) {
    if (this.kind) location.hash = link(encodeURIComponent(this.kind.id));
  }

  undone(batch, kinds) {
    for (const k of kinds) Object.assign(this.items.find(i => i.id === k.id) || {}, k);
    for (const card of [...this.decided.values()]) if (card.batch === batch) this.putBack(card);
    put(this.after, 'Undone.');
  }
}

export default async function review(view) {
  view.title('Review');
  const desk = new Desk(view);
  put(view.node, desk.head, desk.card, h('div.stick', desk.keys, desk.after));
  view.keys(keymap(desk));
  view.atEnd(onUndo((batch, kinds) => desk.undone(batch, kinds)));
  await desk.start();
  view.follow(() => {
    if (!store.silent && !desk.kind) desk.fill();
  });
}
