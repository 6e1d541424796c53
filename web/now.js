/* Now: how it stands, and what is worth a look. */
import {get} from './api.js';
import {h, keyed, put, visible} from './dom.js';
import {money, number, plural, share} from './format.js';
import {alertList, chip, colour, copyButton, kindRow, part, rowHead} from './parts.js';
import {stackedAreas} from './plots.js';
import {labelOf, store} from './store.js';
import {rowKeys} from './keys.js';

const SPANS = [
  ['1h', '1 hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
];

const figure = (name, value, text, href) =>
  h('section.figure', h('h2', name), h('p.value', value), h('p', href ? h('a', {href}, text) : text));

/* "11.2 % before", where there was a before. */
const before = (n, text) => (Number.isFinite(n) && n > 0 ? `${text} before` : null);

function llmFigure(l) {
  if (!l)
    return figure(
      'LLM',
      store.session.features.llm ? '0' : 'off',
      store.session.features.llm ? 'not asked yet' : 'no line leaves here',
      '#health',
    );
  const spent = l.budget ? [money(l.cost), h('small', ` of ${money(l.budget)}`)] : money(l.cost);
  return figure('LLM', spent, Number.isFinite(l.calls) ? plural(l.calls, 'call') : 'spent', '#health');
}

function figures(o) {
  const {rate, lines, undecided, drift, llm} = o.tiles,
    fresh = o.tiles.new_kinds,
    waits = `${plural(undecided.waiting, 'kind')} ${undecided.waiting === 1 ? 'waits' : 'wait'}`,
    usual = rate.usual > 0 ? `yesterday ${number(Math.round(rate.usual))}` : `${plural(lines.now, 'line')} in this time`,
    unseen = drift.unseen_share;
  return h(
    'div.figures',
    figure('Lines a second', rate.now > 0 && rate.now < 10 ? rate.now.toFixed(1) : number(Math.round(rate.now)), usual),
    figure('Undecided', share(undecided.share), [before(undecided.before, share(undecided.before)), ' ', h('a', {href: '#review'}, waits)]),
    figure('New kinds, 24 h', number(fresh.n), `${number(fresh.last_hour)} in the last hour`, '#kinds?state=new&sort=first'),
    llmFigure(llm),
    figure(
      'Drift',
      drift.alarm ? h('span.bad', 'yes') : 'none',
      unseen > 0 ? `unseen: 1 in ${plural(Math.round(1 / unseen), 'line')}` : 'how it is measured',
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

function plot(o, span, pick) {
  const tools = SPANS.map(([id, text]) =>
    h('button', {type: 'button', 'aria-pressed': String(span === id), on: {click: () => pick(id)}}, text),
  );
  const {from, step, labels} = o.series,
    n = Math.max(0, ...labels.map(l => l.n.length)),
    times = Array.from({length: n}, (_, i) => from + i * step);
  return stackedAreas({
    caption: `Lines by label, the last ${SPANS.find(s => s[0] === span)[1]}`,
    times,
    tools,
    series: labels.map(l => ({name: visible(l.label_id), colour: colour(l.label_id), values: l.n, mark: chip(l.label_id)})),
    events: (o.marks || []).map(m => ({at: m.at, text: visible(m.what)})),
  });
}

function warmup(w) {
  if (!w) return null;
  const known =
    w.known_share < w.needed
      ? `${share(w.known_share, 0)} of the lines are of kinds seen before`
      : `fewer than ${plural(w.lines, 'line')} came`;
  return h('div.notice', h('p', `Getting to know your logs: ${known}. New kinds are not announced yet.`));
}

/* On the first day a plot of 24 hours shows one place; then the hour is better. */
const onlyNow = ({series: {labels}}) => labels.length > 0 && labels.every(l => l.n.slice(0, -2).every(n => n === 0));

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
    drawn = '',
    said = '';
  const top = h('div'),
    told = h('div'),
    middle = h('section'),
    look = lookList(),
    whole = h('div', told, top, middle, look.node);
  const body = part(
    view,
    signal => get('overview', {span}, signal),
    o => {
      if (!o.tiles.rate.ever && !o.tiles.lines.now) return waiting();
      if (!view.params.span && span === '24h' && onlyNow(o)) {
        span = '1h';
        body.load();
      }
      const alerts = JSON.stringify(o.alerts || []);
      if (alerts !== said) put(told, alertList(o.alerts));
      said = alerts;
      put(top, figures(o), warmup(o.warmup));
      const sign = JSON.stringify([span, o.series, o.marks]);
      const pick = id => {
        span = id;
        view.set({span});
        body.load();
      };
      if (sign !== drawn) put(middle, h('h2', 'Lines by label'), plot(o, span, pick));
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
