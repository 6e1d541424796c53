/* Kinds: all that were seen, searched, filtered, and labelled many at once. */
import {get} from './api.js';
import {chooseLabel, confirmMany, decide, decideAll, onUndo, setState, tellDecision, tellFailure} from './changes.js';
import {h, keyed, put} from './dom.js';
import {ago, number, plural, share} from './format.js';
import {act, digitKeys, failure, kindRow, labelKeys, kindsOff, lines, rowHead} from './parts.js';
import {FILTERS, drawFilters} from './kinds_filters.js';
import {rowKeys} from './keys.js';
import {Families, Selection} from './rows.js';
import {may, needs} from './store.js';

const PAGE = 100,
  MOST = 2000;

class Kinds {
  constructor(view) {
    this.view = view;
    this.list = h('ul.rows');
    this.count = h('p.number', {role: 'status'});
    this.bulk = h('div');
    this.foot = h('div');
    this.filters = h('div.bar.low');
    this.fresh = h('p');
    this.selection = new Selection(this.list, () => this.drawBulk());
    this.items = [];
    this.turn = 0;
    this.families = new Families(view, this.list);
    this.params = Object.fromEntries(FILTERS.filter(f => view.params[f]).map(f => [f, view.params[f]]));
  }

  set(name, value) {
    this.params = {...this.params, [name]: value || ''};
    if (!value) delete this.params[name];
    this.view.set(this.params);
    this.load();
  }

  drawFilters() {
    drawFilters(this.filters, this.params, (name, value) => this.set(name, value));
  }

  query(more) {
    return {...this.params, limit: PAGE, ...more};
  }

  async load() {
    const mine = ++this.turn;
    this.list.setAttribute('aria-busy', 'true');
    try {
      const r = await get('kinds', this.query(), this.view.signal);
      if (mine !== this.turn) return;
      this.items = r.items;
      this.draw(r);
    } catch (e) {
      if (mine === this.turn && e.name !== 'AbortError') {
        put(this.count);
        put(this.list);
        put(this.foot, kindsOff(e) || failure(e, () => this.load()));
      }
    }
    this.list.removeAttribute('aria-busy');
  }

  async more() {
    const mine = this.turn,
      at = this.items.length;
    try {
      const r = await get('kinds', this.query({after: this.next}), this.view.signal);
      if (mine !== this.turn) return;
      const known = new Set(this.items.map(k => k.id));
      this.items = [...this.items, ...r.items.filter(k => !known.has(k.id))];
      this.draw(r);
      const row = this.list.children[at];
      if (row) row.querySelector('a').focus();
    } catch (e) {
      tellFailure(e);
    }
  }

  draw(r) {
    this.next = r.next;
    this.answer = r;
    put(this.fresh);
    const filtered = Object.keys(this.params).some(k => k !== 'sort');
    put(
      this.count,
      plural(r.kept, 'kind'),
      filtered ? ` · ${number(r.total)} match` : '',
      r.lines ? ` · ${share(r.share)} of today’s lines` : '',
    );
    keyed(
      this.list,
      this.items,
      k => k.id,
      k => this.row(k),
    );
    this.selection.ids = new Set([...this.selection.ids].filter(id => this.items.some(k => k.id === id)));
    this.selection.show();
    this.drawFoot(r, filtered);
  }

  row(k) {
    const row = kindRow(k, {before: this.selection.box(k), behind: h('span.right.first', ago(k.first))});
    row.classList.toggle('picked', this.selection.ids.has(k.id));
    if (k.in_family > 1) row.append(this.families.node(k));
    return row;
  }

  drawFoot(r, filtered) {
    const parts = [];
    if (!this.items.length)
      parts.push(
        h(
          'p',
          filtered ? 'No kind matches. ' : 'No line has come yet. ',
          filtered
            ? act('Clear filters', null, () => {
                this.params = {};
                this.view.set({});
                this.drawFilters();
                this.load();
              })
            : null,
        ),
      );
    else if (r.next && this.items.length < MOST) parts.push(act(`More (${number(r.total - this.items.length)})`, null, () => this.more()));
    else if (r.next) parts.push(h('p', `${number(MOST)} rows are shown: narrow the search.`));
    if (r.estimate > r.kept)
      parts.push(h('p.quiet.small', `${number(r.kept)} kinds are kept, of about ${number(r.estimate)} seen: the rarest are not listed.`));
    put(this.foot, h('div.bar', parts));
  }

  selected() {
    return this.items.filter(k => this.selection.ids.has(k.id));
  }

  drawBulk() {
    const n = this.selection.ids.size,
      r = this.answer;
    if (!n) return put(this.bulk);
    const all = r && r.total > this.items.length && n === this.items.length;
    put(
      this.bulk,
      h(
        'div.notice',
        h(
          'div.bar',
          h('strong', `${number(n)} selected`),
          h('span.quiet', `${lines(this.selected().reduce((a, k) => a + k.lines_24h, 0))} today`),
          act('rule', 'view', () => this.rule(), {key: 'r'}),
          act('mute', 'label', () => this.state('muted'), {key: 'm'}),
          act('known', 'label', () => this.state('known'), {key: 'k'}),
          act('clear', null, () => this.selection.clear()),
          needs('label') ? h('span.quiet', needs('label')) : null,
        ),
        labelKeys(id => this.label(id)),
        all
          ? h(
              'p',
              act(`or choose a label for all ${number(r.total)} that match`, 'label', () => this.labelAll(), {small: true}),
            )
          : null,
      ),
    );
  }

  selectAll() {
    for (const k of this.items) this.selection.ids.add(k.id);
    this.selection.show();
  }

  async label(label_id) {
    const some = this.selected();
    if (!some.length || !may('label')) return;
    const sum = some.reduce((a, k) => a + k.lines_24h, 0);
    if (some.length > 9 && !(await confirmMany(some.length, sum, label_id))) return;
    try {
      const r = await decide(some, label_id);
      this.selection.clear();
      tellDecision(r, label_id, some.length);
      await this.load();
    } catch (e) {
      tellFailure(e);
      if (e.status === 409) await this.load();
    }
  }

  async labelAll() {
    const r = this.answer,
      {sort, ...filter} = this.params,
      id = await chooseLabel();
    if (!id || !(await confirmMany(r.total, r.lines, id))) return;
    try {
      const answer = await decideAll(filter, r.total, id);
      this.selection.clear();
      tellDecision(answer, id, r.total);
    } catch (e) {
      tellFailure(e);
    }
    await this.load();
  }

  async state(state) {
    const some = this.selected();
    if (some.length && (await setState(some, state))) {
      this.selection.clear();
      this.load();
    }
  }

  rule() {
    const ids = [...this.selection.ids].slice(0, 50);
    if (ids.length) location.hash = `#rules?from=${ids.map(encodeURIComponent).join(',')}`;
  }

  keymap() {
    const rows = rowKeys(this.list);
    return {
      ...rows,
      ...this.selection.keys(),
      ...digitKeys(id => this.label(id)),
      m: () => this.state('muted'),
      r: () => this.rule(),
      k: e => (this.selection.ids.size ? this.state('known') : rows.k(e)),
    };
  }
}

/* Rows do not move under a person's hands: what is new waits behind a button. */
function tellFresh(kinds) {
  let before = null;
  return p => {
    if (!p) return;
    const grown = before !== null && p.new_24h > before ? p.new_24h - before : 0;
    before = before === null ? p.new_24h : before;
    if (grown)
      put(
        kinds.fresh,
        act(`${plural(grown, 'new kind')}: show`, null, () => {
          before = p.new_24h;
          kinds.load();
        }),
      );
    else if (!kinds.items.length && !Object.keys(kinds.params).length && p.rate > 0) kinds.load();
  };
}

export default async function kindsView(view) {
  view.title('Kinds');
  const kinds = new Kinds(view);
  kinds.drawFilters();
  const all = act('Select all shown', null, () => kinds.selectAll());
  put(
    view.node,
    h('div.title', h('h1', {tabindex: '-1'}, 'Kinds of lines'), kinds.count),
    kinds.filters,
    h('div.bar', all, kinds.fresh),
    kinds.bulk,
    h('div.picks', rowHead(h('span'), h('span.right.first', 'First')), kinds.list),
    kinds.foot,
  );
  view.keys(kinds.keymap());
  view.atEnd(onUndo(() => kinds.load()));
  await kinds.load();
  view.follow(tellFresh(kinds));
  if (view.params.focus === 'search') view.node.querySelector('[data-search]').setAttribute('data-focus', '');
}
