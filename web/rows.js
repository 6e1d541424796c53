/* Keys for lists of kinds: a cursor row (the one that has the focus), and a selection. */
import {h, visible} from './dom.js';

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
