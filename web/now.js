/* Now: how it stands, and what is worth a look. */
import {get} from './api.js';
import {h, keyed, put, visible} from './dom.js';
import {money, number, plural, share} from './format.js';
import {chip, colour, copyButton, kindRow, part, rowHead} from './parts.js';
import {stackedAreas} from './plots.js';
import {labelOf, store} from './store.js';
import {rowKeys} from './rows.js';

const SPANS = [
  ['1h', '1 hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
];

const figure = (name, value, text, href) =>
  h('section.figure', h('h2', name), h('p.value', value), h('p', href ? h('a', {href}, text) : text));

function figures(o) {
  const t = o.tiles,
    llm = t.llm;
  const asked = llm ? [money(llm.cost, llm.currency), llm.budget ? h('small', ` of ${money(llm.budget)}`) : null] : 'off';
  const drifted = t.drift && t.drift.alarm ? h('span.bad', 'yes') : t.drift ? 'none' : '–';
  return h(
    'div.figures',
    figure(
      'Lines a second',
      number(Math.round(t.rate.now)),
      Number.isFinite(t.rate.usual) ? `usual: ${number(Math.round(t.rate.usual))}` : 'the last minute',
    ),
    figure(
      'Undecided',
      share(t.undecided.share),
      `${plural(t.undecided.waiting, 'kind')} ${t.undecided.waiting === 1 ? 'waits' : 'wait'}`,
      '#review',
    ),
    figure(
      'New kinds, 24 h',
      number(t.new_kinds.n),
      Number.isFinite(t.new_kinds.usual) ? `usual: ${number(t.new_kinds.usual)} a day` : 'show them',
      '#kinds?state=new&sort=first',
    ),
    figure(
      'LLM, 24 h',
      asked,
      llm ? plural(llm.calls, 'call') + (llm.open ? `, ${llm.open} open` : '') : 'no line leaves this machine',
      '#health',
    ),
    figure(
      'Drift',
      drifted,
      t.drift && t.drift.unseen_share > 0 ? `unseen: 1 in ${number(Math.round(1 / t.drift.unseen_share))} lines` : 'how it is measured',
      '#health',
    ),
  );
}

/** Nothing has come yet: what to do. */
function waiting() {
  const text = `curl -s ${location.origin}/classify -d '[{"log_message":"Failed password for root from 203.0.113.7 port 22 ssh2"}]'`;
  return h(
    'div',
    h('h2', 'Waiting for the first line.'),
    h('p', 'This view changes by itself when one comes. For example:'),
    h('pre', {tabindex: '0'}, text),
    h('p', copyButton(text, 'copy')),
    h('p.quiet', 'Or send your logs: logclass reads files, syslog and journald as streams. The page docs/streams.md tells how.'),
  );
}

function plot(o, view, pick) {
  const tools = SPANS.map(([id, text]) =>
    h('button', {type: 'button', 'aria-pressed': String(o.span === id), on: {click: () => pick(id)}}, text),
  );
  const {from, step, labels} = o.series,
    n = Math.max(0, ...labels.map(l => l.n.length));
  const times = Array.from({length: n}, (_, i) => from + i * step);
  return stackedAreas({
    caption: `Lines by label, the last ${SPANS.find(s => s[0] === o.span)[1]}`,
    times,
    tools,
    series: labels.map(l => ({
      name: visible(labelOf(l.label_id).label_id),
      colour: colour(l.label_id),
      values: l.n,
      mark: chip(l.label_id),
    })),
    events: (o.marks || []).map(m => ({at: m.at, text: visible(m.what)})),
  });
}

function warmup(w) {
  if (!w) return null;
  return h(
    'div.notice',
    h(
      'p',
      `Getting to know your logs: ${share(w.known_share, 0)} of the lines are of kinds seen before. `,
      `New kinds are not announced until that is ${share(w.needed || 0.99, 0)}.`,
    ),
  );
}

/* A list that changes while somebody reads it waits for them. */
function lookList() {
  const list = h('ul.rows'),
    more = h('p'),
    none = h('p.quiet', 'Nothing is new, undecided or rising.');
  let shown = [];
  const draw = items => {
    shown = items.map(k => k.id);
    put(more);
    none.hidden = items.length > 0;
    keyed(
      list,
      items,
      k => k.id,
      k => kindRow(k),
    );
  };
  const node = h(
    'section',
    h('h2', 'Worth a look'),
    h('p.quiet.small', 'New, undecided or rising; those that touch most lines first.'),
    more,
    rowHead(),
    list,
    none,
  );
  return {
    node,
    list,
    take(items) {
      const fresh = items.filter(k => !shown.includes(k.id));
      if (!shown.length || !fresh.length || !list.contains(document.activeElement)) return draw(items);
      keyed(
        list,
        shown.map(id => items.find(k => k.id === id)).filter(Boolean),
        k => k.id,
        k => kindRow(k),
      );
      put(more, h('button', {type: 'button', on: {click: () => draw(items)}}, `${plural(fresh.length, 'more kind')}: show`));
    },
  };
}

export default async function now(view) {
  view.title('Now');
  let span = SPANS.some(s => s[0] === view.params.span) ? view.params.span : '24h',
    drawn = '';
  const top = h('div'),
    middle = h('section'),
    look = lookList(),
    whole = h('div', top, middle, look.node);
  const body = part(
    view,
    signal => get('overview', {span}, signal),
    o => {
      if (!o.tiles.rate.ever) return waiting();
      put(top, figures(o), warmup(o.warmup));
      const sign = JSON.stringify([o.span, o.series, o.marks]);
      if (sign !== drawn)
        put(
          middle,
          h('h2', 'Lines by label'),
          plot(o, view, id => {
            span = id;
            view.set({span});
            body.load();
          }),
        );
      drawn = sign;
      look.take(o.look || []);
      return whole;
    },
  );
  put(view.node, h('h1.hidden', {tabindex: '-1'}, 'Now'), body.node);
  view.keys(rowKeys(look.list));
  view.follow((p, what) => {
    if (!store.silent && (what.length || !body.node.contains(whole))) body.load();
  });
  await body.load();
}
