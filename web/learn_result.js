/* What a new head would be worth, and which kinds it would answer differently. */
import {decide, tellDecision, tellFailure} from './changes.js';
import {h, log, put, visible} from './dom.js';
import {number, plural, share} from './format.js';
import {act, chip, kindLink, labelKeys, lines} from './parts.js';

const points = x => `${x > 0 ? '+' : x < 0 ? '−' : '±'}${Math.abs(x * 100).toFixed(1)}`;

function resultRow(name, was, is, note) {
  const known = Number.isFinite(was) && Number.isFinite(is);
  return h(
    'tr',
    h('th', {scope: 'row'}, name),
    h('td.number', share(was)),
    h('td.number', share(is)),
    h(`td.number${known && is < was ? '.bad' : known && is > was ? '.good' : ''}`, known ? points(is - was) : ''),
    h('td', note || null),
  );
}

export function resultTable(r) {
  const rows = (r.rows || []).map(x => resultRow(visible(x.name), x.was, x.is, x.note ? visible(x.note) : null));
  return h(
    'div.scroll-x',
    h(
      'table',
      h(
        'thead',
        h(
          'tr',
          ['', 'in use', 'new', '', ''].map((t, i) =>
            h(i > 0 && i < 4 ? 'th.number' : 'th', {scope: 'col'}, t || h('span.hidden', i === 3 ? 'difference' : '–')),
          ),
        ),
      ),
      h('tbody', rows),
    ),
  );
}

/** The kinds that change, those with most lines first. again() after a correction. */
export function differs(view, items, again) {
  if (!items || !items.length) return h('p', 'It would answer no kind differently.');
  const sum = items.reduce((a, k) => a + (k.lines_24h || 0), 0),
    open = new Set();
  const row = k => {
    const place = h('div');
    const toggle = act(
      'correct',
      'label',
      () => {
        if (open.delete(k.id)) return put(place);
        open.add(k.id);
        put(
          place,
          labelKeys(async id => {
            try {
              tellDecision(await decide([k], id), id, 1);
              again();
            } catch (e) {
              tellFailure(e);
            }
          }),
        );
      },
      {small: true},
    );
    return h(
      'li',
      h(
        'div.bar',
        h('span.nowrap', chip(k.was), k.was_p ? ` ${k.was_p.toFixed(2)}` : '', ' → ', chip(k.is), k.is_p ? ` ${k.is_p.toFixed(2)}` : ''),
        h('a', {href: kindLink(k.id)}, log(k.template)),
        h('span.number.quiet', lines(k.lines_24h || 0)),
        toggle,
        k.against ? h('span.bad', 'against a correction') : null,
      ),
      place,
    );
  };
  return h(
    'div',
    h('h3', `It would answer ${plural(items.length, 'kind')} differently (${lines(sum)} a day)`),
    h('ul', items.slice(0, 200).map(row)),
  );
}
