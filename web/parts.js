/* Parts that several views show: labels, rows of kinds, bars, and the states a part can be in. */
import {h, log, put, s, visible} from './dom.js';
import {ago, number, percent, plural, share} from './format.js';
import {spark} from './plots.js';
import {labelIndex, labelOf, may, needs, store} from './store.js';

const COLOURS = 9;
const ANYBODY = 'UNCLASSIFIED';

/** c0 … c8: the colour of a label; the last one is for what is undecided. With more than nine labels they repeat, hatched. */
export function colour(id) {
  const i = labelIndex(id);
  if (id === ANYBODY || i < 0) return 'c8';
  const others = COLOURS - 1;
  return `c${i % others}${i >= others ? '.again' : ''}`;
}

export const chip = id => h(`span.chip.${colour(id)}`, {title: labelOf(id).label}, h('span.swatch', {'aria-hidden': 'true'}), visible(id));

const DECIDERS = {regex: 'rule', bert: 'encoder', llm: 'LLM', fallback: 'nobody'};
export const decider = stage => DECIDERS[stage] || stage || '';

/** Who decided, and how sure. */
export function by(kind) {
  if (kind.corrected_by) return h('span.by', {title: 'a person’s word'}, visible(kind.corrected_by));
  if (kind.stage === 'fallback') return h('span.by', 'undecided');
  return h(
    'span.by',
    kind.confidence < 1 || kind.stage === 'bert' ? [h('span.number', kind.confidence.toFixed(2)), ' '] : null,
    decider(kind.stage),
  );
}

export function tag(kind) {
  const factor = kind.state === 'rising' && kind.rise ? ` ×${number(kind.rise)}` : '';
  if (kind.silent) return h('span.tag', {title: silence(kind)}, 'silent');
  return kind.state && kind.state !== 'known' ? h(`span.tag.${kind.state}`, {title: rise(kind)}, kind.state + factor) : null;
}

/** "412 lines in an hour; …" of a kind that rises; else null. */
export const rise = k =>
  k.state === 'rising' && k.busiest
    ? `${plural(k.rise_lines, 'line')} in an hour; the busiest hour of the week before had ${number(k.busiest)}.`
    : null;

/** Of a kind that is silent; else null. */
export const silence = k => (k.silent ? `It came every hour for a week; the last line was ${ago(k.last, '', ' ago').textContent}.` : null);

export const kindLink = id => `#kind?id=${encodeURIComponent(id)}`;

/** One row: label, who, template, lines, sparkline, last seen; more: what stands before and behind. */
export function kindRow(k, {before = null, behind = null} = {}) {
  return h(
    'li.row',
    {'data-id': k.id},
    before,
    chip(k.label_id),
    by(k),
    h('a', {href: kindLink(k.id)}, tag(k), log(k.template, {cut: k.cut})),
    h('span.right', {title: `${number(k.lines)} in all`}, number(k.lines_24h)),
    spark(k.hours),
    h('span.right', ago(k.last)),
    behind,
  );
}

export function rowHead(...more) {
  return h(
    'div.row.head',
    {'aria-hidden': 'true'},
    more[0],
    h('span', 'Label'),
    h('span', 'Decided by'),
    h('span', 'Kind of line'),
    h('span.right', 'Lines, 24 h'),
    h('span', 'Last 24 h'),
    h('span.right', 'Last'),
    more[1],
  );
}

/** The likeliest labels as bars. */
export function amounts(top) {
  return h(
    'div.amounts',
    (top || []).map(t => [
      chip(t.label_id),
      s(
        'svg',
        {class: `amount ${colour(t.label_id).replace('.', ' ')}`, viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
        s('rect', {class: 'fill', width: Math.max(0, Math.min(100, t.p * 100)), height: 8}),
      ),
      h('span.number', {title: t.p.toFixed(4)}, percent(t.p)),
    ]),
  );
}

/** A button that a role may be missing for; then it says so. */
export function act(text, role, click, {key = null, first = false, small = false} = {}) {
  const why = role ? needs(role) : null;
  return h(
    `button${first ? '.first' : ''}${small ? '.plain' : ''}`,
    {type: 'button', disabled: !!why, title: why, on: {click}},
    key ? h('kbd', key) : null,
    text,
  );
}

/** The nine label buttons, with their digits. likely: ids to point out; choose(id). */
export function labelKeys(choose, {likely = [], only = null} = {}) {
  const labels = only || store.session.labels.slice(0, 9);
  const why = needs('label');
  return h(
    'div.keys',
    labels.map(l =>
      h(
        `button.${colour(l.label_id)}${likely.includes(l.label_id) ? '.likely' : ''}`,
        {type: 'button', disabled: !!why, title: why || l.description, on: {click: () => choose(l.label_id)}},
        h('kbd', 1 + labelIndex(l.label_id)),
        h(`span.chip.${colour(l.label_id)}`, h('span.swatch', {'aria-hidden': 'true'}), visible(l.label)),
      ),
    ),
  );
}

/** Digits 1 to 9 as keys of a view. */
export function digitKeys(choose) {
  const keys = {};
  for (const [i, l] of store.session.labels.slice(0, 9).entries())
    keys[String(i + 1)] = () => {
      if (may('label')) choose(l.label_id);
    };
  return keys;
}

/** A small button that copies this text. */
export function copyButton(text, name) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      put(button, 'copied');
    } catch {
      put(button, 'the browser does not let this page copy');
    }
  };
  const button = h('button.plain', {type: 'button', on: {click: copy}}, name);
  return button;
}

/* ---- loading, nothing there, off, broken ---- */

/** What went wrong, and a way to try again. */
export function failure(e, again) {
  const role = e.status === 403 && !may('label') ? ' Your access may look, not change.' : '';
  return h(
    'div.notice.bad',
    {role: 'alert'},
    h('p', visible(e.message) + role),
    again ? h('p', h('button', {type: 'button', on: {click: again}}, 'Try again')) : null,
  );
}

/** What is the matter, a sentence each. */
export const alertList = list =>
  (list || []).map(a => h('div.notice.bad', {role: 'alert'}, h('p', visible(a.text)), a.what ? h('p.quiet', visible(a.what)) : null));

/** Something that is switched off, and how to switch it on. */
export const off = (what, how) => h('div.notice', h('p', what), how ? h('p.quiet', how) : null);

/** Where kinds of line are not kept, that instead of a failure; else null. */
export const kindsOff = e =>
  e.status === 404 && /kinds-max/.test(e.message)
    ? off('Kinds of line are not kept (kinds-max is 0).', 'Set the option kinds-max to a number, such as 100000, and restart.')
    : null;

/**
 * A part of a view that is loaded: load(signal) → data, draw(data) → nodes. Late answers of earlier loads are dropped; while it
 * loads again, what is there stays. Returns {node, load()}.
 */
export function part(view, load, draw, tag = 'div') {
  const node = h(tag, {'aria-busy': 'true'});
  let turn = 0;
  const again = async () => {
    const mine = ++turn;
    const slow = setTimeout(() => {
      if (!node.hasChildNodes()) put(node, h('p.quiet', 'Loading …'));
    }, 150);
    try {
      const data = await load(view.signal);
      if (mine !== turn || view.signal.aborted) return;
      const drawn = draw(data);
      if (node.firstChild !== drawn || node.childNodes.length > 1) put(node, drawn);
    } catch (e) {
      if (mine !== turn || view.signal.aborted || e.name === 'AbortError') return;
      if (e.status === 0 && node.hasChildNodes() && !node.querySelector('.notice')) return; /* the header says that nobody answers */
      put(node, kindsOff(e) || failure(e, again));
    } finally {
      clearTimeout(slow);
      node.removeAttribute('aria-busy');
    }
  };
  return {node, load: again};
}

export const lines = n => `${number(n)} ${n === 1 ? 'line' : 'lines'}`;
export const ofLines = p => share(p) + ' of today’s lines';
