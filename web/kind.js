/* One kind: why it has its label, what it looks like, what people said about it. */
import {get} from './api.js';
import {chooseLabel, decide, onUndo, setState, tellDecision, tellFailure} from './changes.js';
import {h, log, put, visible} from './dom.js';
import {undoOf, wordOf} from './history.js';
import {ago, moment, number, plural} from './format.js';
import {act, amounts, by, chip, copyButton, digitKeys, kindLink, labelKeys, part, rise, silence, tag} from './parts.js';
import {spark} from './plots.js';
import {may, needs, store} from './store.js';

/* What stood in the way of each stage, in the order in which a line passes them. */
function whyText(k) {
  const w = k.why || {},
    now = w.now || {},
    top = k.top || [],
    parts = [];
  if (w.correction || k.corrected_by) parts.push(`${visible((w.correction || {}).by || k.corrected_by)} said so`);
  if (now.rule) parts.push(['rule ', h('strong', visible(now.rule))]);
  else parts.push(k.stage === 'regex' && !k.corrected_by ? 'a rule decides its lines' : 'no rule matches');
  if (top.length) parts.push(`encoder: ${top.map(t => `${visible(t.label_id)} ${t.p.toFixed(2)}`).join(', ')}`);
  if (Number.isFinite(w.threshold)) parts.push(`threshold ${w.threshold.toFixed(2)}`);
  if (w.reason) parts.push(visible(w.reason.replace(/_/g, ' ')));
  return parts.map((p, i) => [i ? ' · ' : null, p]);
}

function nearestList(items) {
  if (!items || !items.length) return h('p.quiet', 'None is near.');
  return h(
    'ul.near',
    items.map(n =>
      h(
        'li',
        h('span.number.quiet', (n.similarity ?? n.p ?? 0).toFixed(2)),
        n.id ? h('a', {href: kindLink(n.id)}, log(n.template)) : log(n.template),
        h('span', chip(n.label_id), n.corrected_by ? h('span.quiet', ` ${visible(n.corrected_by)}`) : null),
      ),
    ),
  );
}

function examples(k) {
  if (!k.examples || !k.examples.length)
    return store.session.examples === 'none'
      ? h('p.quiet', 'Examples are not kept (kinds-examples).')
      : h('p.quiet', 'None since the program was started.');
  return h(
    'div.examples',
    k.examples.map(e => log(e, {values: false})),
  );
}

function history(k, again) {
  const rows = (k.history || []).map(w =>
    h(
      'li',
      moment(w.at),
      ' ',
      h('strong', visible(w.by)),
      ' ',
      wordOf(w),
      w.note ? h('span.quiet', ` “${visible(w.note)}”`) : null,
      ' ',
      undoOf(w, again),
    ),
  );
  return h('ul', rows, h('li', moment(k.first), ' first seen'));
}

function acts(k, state) {
  return h(
    'div.bar',
    act('mute until it rises', 'label', () => state.set('muted'), {key: 'm'}),
    act('known', 'label', () => state.set('known'), {key: 'k'}),
    act('rule from this', 'view', () => state.rule(), {key: 'r'}),
    store.session.labels.length > 9 ? act('label by name', 'label', () => state.byName(), {key: 'l'}) : null,
    needs('label') ? h('span.quiet', needs('label')) : null,
  );
}

function seen(k, state) {
  const days = k.days && k.days.length ? [spark(k.days), h('span.quiet', plural(k.days.length, 'day'))] : null;
  const sources = (k.sources || []).map(([name, n], i) => [i ? ', ' : '', h('bdi', visible(name || '(none)')), ` ${number(n)}`]);
  const how = `${store.session.examples === 'raw' ? 'as they came' : 'redacted'}; in memory only`;
  return h(
    'section',
    h('h2', 'Lines'),
    h('p', `${number(k.lines_24h)} in 24 h, ${number(k.lines)} in all, first `, moment(k.first), ', last ', ago(k.last, '', ' ago')),
    h('p.bar', spark(k.hours), h('span.quiet', '24 hours'), days),
    h('p', h('span.quiet', 'sources: '), sources.length ? sources : 'none'),
    h('h2', 'Examples ', h('span.quiet.small', how)),
    examples(k),
    h('h2', 'History'),
    history(k, () => state.load()),
  );
}

function draw(view, state) {
  return k => {
    state.kind = k;
    view.title(k.template.slice(0, 60));
    return h(
      'div',
      h('p.bar.quiet.small', h('a', {href: '#kinds'}, '‹ Kinds'), h('span.log', k.id), copyButton(location.href, 'copy link')),
      h('h1', {tabindex: '-1'}, log(k.template)),
      h('p.bar', chip(k.label_id), by(k), tag(k), k.stage === 'fallback' ? h('span.quiet', 'nobody was sure') : null),
      rise(k) || silence(k) ? h('p', rise(k) || silence(k)) : null,
      labelKeys(id => state.label(id)),
      acts(k, state),
      h(
        'div.columns',
        h('section', h('h2', 'Why'), h('p', whyText(k)), amounts(k.top), h('h2', 'Nearest known kinds'), nearestList(k.nearest)),
        seen(k, state),
      ),
    );
  };
}

export default async function kindView(view) {
  const state = {kind: null};
  const body = part(view, signal => get('kind', {id: view.params.id || ''}, signal), draw(view, state));
  state.load = body.load;
  state.label = async id => {
    if (!state.kind || !may('label')) return;
    try {
      tellDecision(await decide([state.kind], id), id, 1);
    } catch (e) {
      tellFailure(e);
    }
    body.load();
  };
  state.set = async s => {
    if (state.kind && (await setState([state.kind], s))) body.load();
  };
  state.rule = () => {
    if (state.kind) location.hash = `#rules?from=${encodeURIComponent(state.kind.id)}`;
  };
  state.byName = async () => {
    const id = await chooseLabel();
    if (id) state.label(id);
  };
  put(view.node, body.node);
  view.title('Kind');
  view.keys({
    ...digitKeys(id => state.label(id)),
    m: () => state.set('muted'),
    k: () => state.set('known'),
    r: () => state.rule(),
    l: () => state.byName(),
  });
  view.atEnd(onUndo(() => body.load()));
  await body.load();
}
