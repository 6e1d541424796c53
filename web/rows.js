/* Lists of kinds: a selection, and families that open in place. */
import {get} from './api.js';
import {tellFailure} from './changes.js';
import {h, visible} from './dom.js';
import {ago, plural} from './format.js';
import {cursor} from './keys.js';
import {act, chip, kindLink, lines} from './parts.js';
import {spark} from './plots.js';

/** A selection of rows: boxes, x, X. told() is called after each change. */
export class Selection {
  constructor(list, told) {
    this.list = list;
    this.told = told;
    this.ids = new Set();
    this.last = null;
  }

  box(kind) {
    const box = h('input', {
      type: 'checkbox',
      checked: this.ids.has(kind.id),
      'aria-label': `Select ${visible(kind.template).slice(0, 80)}`,
      on: {click: e => this.set(kind.id, box.checked, e.shiftKey)},
    });
    return box;
  }

  order() {
    return [...this.list.querySelectorAll('.row[data-id]')].map(r => r.dataset.id);
  }

  set(id, on, range = false) {
    const all = this.order(),
      from = all.indexOf(this.last),
      to = all.indexOf(id);
    const some = range && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const k of some)
      if (on) this.ids.add(k);
      else this.ids.delete(k);
    this.last = id;
    this.show();
  }

  clear() {
    this.ids.clear();
    this.show();
  }

  show() {
    for (const row of this.list.querySelectorAll('.row[data-id]')) {
      const on = this.ids.has(row.dataset.id),
        box = row.querySelector('input');
      row.classList.toggle('picked', on);
      if (box) box.checked = on;
    }
    this.told();
  }

  keys() {
    const at = range => () => {
      const id = cursor(this.list);
      if (id) this.set(id, range || !this.ids.has(id), range);
    };
    return {x: at(false), X: at(true)};
  }
}

const FAMILY_MAX = 100;

/** The same message from other sources, below the kind that is listed. */
export class Families {
  constructor(view, list) {
    this.view = view;
    this.list = list;
    this.open = new Map(); /* by the id of the kind that is listed: the others */
  }

  node(k) {
    const others = this.open.get(k.id),
      text = plural(k.in_family - 1, 'other source');
    const button = act(others ? `hide ${text}` : `+ ${text}`, null, () => this.toggle(k), {small: true});
    button.setAttribute('aria-expanded', String(!!others));
    return h('div.family', button, others ? h('ul', others.map(x => this.member(x))) : null);
  }

  member(x) {
    const source = ((x.sources || [])[0] || [''])[0];
    return h(
      'li.bar',
      h('a', {href: kindLink(x.id)}, h('bdi', visible(source || '(no source)'))),
      chip(x.label_id),
      h('span.quiet.number', lines(x.lines_24h)),
      spark(x.hours),
      ago(x.last, 'last ', ' ago'),
    );
  }

  async toggle(k) {
    try {
      if (!this.open.delete(k.id)) {
        const r = await get('kinds', {family: k.family, limit: FAMILY_MAX}, this.view.signal);
        this.open.set(
          k.id,
          r.items.filter(x => x.id !== k.id),
        );
      }
    } catch (e) {
      tellFailure(e);
      return;
    }
    const row = this.list.querySelector(`.row[data-id="${k.id}"]`);
    if (!row) return;
    row.querySelector('.family').replaceWith(this.node(k));
    row.querySelector('.family button').focus();
  }
}
