/* What kinds can be filtered and ordered by. */
import {h, put, visible} from './dom.js';
import {store} from './store.js';

const TYPING_MS = 250;
const STATES = [
  ['', 'any'],
  ['undecided', 'undecided'],
  ['unsure', 'unsure'],
  ['corrected', 'corrected'],
  ['new', 'new'],
  ['known', 'known'],
  ['rising', 'rising'],
  ['returned', 'returned'],
  ['muted', 'muted'],
  ['silent', 'silent'],
];
const STAGES = [
  ['', 'any'],
  ['regex', 'rule'],
  ['bert', 'encoder'],
  ['llm', 'LLM'],
  ['fallback', 'nobody'],
  ['person', 'a person'],
];
const SEEN = [
  ['', 'any time'],
  ['1h', '1 h'],
  ['24h', '24 h'],
  ['7d', '7 d'],
];
const SORTS = [
  ['lines', 'lines'],
  ['last', 'last seen'],
  ['first', 'first seen'],
  ['rise', 'rise'],
  ['unsure', 'least sure'],
];
export const FILTERS = ['q', 're', 'state', 'label', 'stage', 'source', 'seen', 'sort'];

function selectField(name, id, options, value, change) {
  const select = h(
    'select',
    {id, on: {change: () => change(select.value)}},
    options.map(([v, text]) => h('option', {value: v, selected: v === (value || '')}, text)),
  );
  return h('span.field', h('label', {for: id}, name), select);
}

/** The fields: params say what is in them; set(name, value) is called when that changes, after a pause where a person types. */
export function drawFilters(node, params, set) {
  const labels = [['', 'any'], ...store.session.labels.map(l => [l.label_id, visible(l.label_id)])],
    p = params;
  let timer = 0;
  const late = name => e => {
    clearTimeout(timer);
    timer = setTimeout(() => set(name, e.target.value), TYPING_MS);
  };
  put(
    node,
    h(
      'span.field',
      h('label', {for: 'q'}, 'Search'),
      h('input', {
        id: 'q',
        type: 'search',
        value: p.q || '',
        size: 20,
        spellcheck: 'false',
        autocomplete: 'off',
        'data-search': true,
        on: {input: late('q')},
      }),
    ),
    h(
      'label.check',
      h('input', {id: 're', type: 'checkbox', checked: !!p.re, on: {change: e => set('re', e.target.checked ? '1' : '')}}),
      'as pattern',
    ),
    selectField('State', 'f-state', STATES, p.state, v => set('state', v)),
    selectField('Label', 'f-label', labels, p.label, v => set('label', v)),
    selectField('Decided by', 'f-stage', STAGES, p.stage, v => set('stage', v)),
    h(
      'span.field',
      h('label', {for: 'f-source'}, 'Source'),
      h('input', {
        id: 'f-source',
        type: 'text',
        value: p.source || '',
        size: 10,
        spellcheck: 'false',
        autocomplete: 'off',
        on: {input: late('source')},
      }),
    ),
    selectField('Seen', 'f-seen', SEEN, p.seen, v => set('seen', v)),
    selectField('Order', 'f-sort', SORTS, p.sort || 'lines', v => set('sort', v)),
  );
}
