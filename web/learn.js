/* Learn: what was said since the head in use was made, what a new one would be worth, the heads there are, and the history of changes. */
import {file, get, post} from './api.js';
import {decide, onUndo, tellDecision, tellFailure, toast, undo} from './changes.js';
import {h, keep, log, put, visible} from './dom.js';
import {duration, moment, number, plural, share} from './format.js';
import {act, chip, kindLink, labelKeys, lines, off, part} from './parts.js';
import {needs, store} from './store.js';

const points = x => `${x > 0 ? '+' : x < 0 ? '−' : '±'}${Math.abs(x * 100).toFixed(1)}`;

/* ---- trying ---- */

function progress(l) {
  const text = l.total ? `${visible(l.doing)} ${number(l.done)} of ${number(l.total)}` : visible(l.doing || 'starting');
  return h('div.block', h('p.bar', h('progress', {max: l.total || 1, value: l.done || 0, 'aria-label': 'learning'}), h('span.number', text), l.eta_s !== null && l.eta_s !== undefined ? h('span.quiet', `about ${duration(l.eta_s)} to go`) : null,
    act('Stop', 'admin', () => send('learn/stop', {}))), h('p.quiet.small', 'This page may be closed; the work goes on.'));
}

async function send(path, body) {
  try {
    return await post(path, body);
  } catch (e) {
    tellFailure(e);
    return null;
  }
}

function resultRow(name, was, is, note) {
  const known = Number.isFinite(was) && Number.isFinite(is);
  return h('tr', h('th', {scope: 'row'}, name), h('td.number', share(was)), h('td.number', share(is)), h(`td.number${known && is < was ? '.bad' : known && is > was ? '.good' : ''}`, known ? points(is - was) : ''), h('td', note || null));
}

function resultTable(r) {
  const rows = (r.rows || []).map(x => resultRow(visible(x.name), x.was, x.is, x.note ? visible(x.note) : null));
  return h('div.scroll-x', h('table', h('thead', h('tr', ['', 'in use', 'new', '', ''].map((t, i) => h(i > 0 && i < 4 ? 'th.number' : 'th', {scope: 'col'}, t || h('span.hidden', i === 3 ? 'difference' : '–'))))), h('tbody', rows)));
}

function differs(view, items, again) {
  if (!items || !items.length) return h('p', 'It would answer no kind differently.');
  const sum = items.reduce((a, k) => a + (k.lines_24h || 0), 0), open = new Set();
  const row = k => {
    const place = h('div');
    const toggle = act('correct', 'label', () => {
      if (open.delete(k.id)) return put(place);
      open.add(k.id);
      put(place, labelKeys(async id => {
        try {
          tellDecision(await decide([k], id), id, 1);
          again();
        } catch (e) {
          tellFailure(e);
        }
      }));
    }, {small: true});
    return h('li', h('div.bar', h('span.nowrap', chip(k.was), k.was_p ? ` ${k.was_p.toFixed(2)}` : '', ' → ', chip(k.is), k.is_p ? ` ${k.is_p.toFixed(2)}` : ''), h('a', {href: kindLink(k.id)}, log(k.template)), h('span.number.quiet', lines(k.lines_24h || 0)), toggle,
      k.against ? h('span.bad', 'against a correction') : null), place);
  };
  return h('div', h('h3', `It would answer ${plural(items.length, 'kind')} differently (${lines(sum)} a day)`), h('ul', items.slice(0, 200).map(row)));
}

function result(view, l, again) {
  const r = l.result;
  if (l.state === 'failed') return h('div.notice.bad', h('p', visible(l.error || 'Learning failed.')));
  if (l.state === 'stopped') return h('p.quiet', 'The last one was stopped.');
  if (!r) return null;
  if (r.said) return h('div.notice', h('p', visible(r.said)));
  return h('div.block', h('h2', 'Result'), resultTable(r), Number.isInteger(r.agree) ? h('p', `Blind checks: people agree in ${r.agree} of ${r.blind}.`) : null, differs(view, l.differs || r.differs, again),
    h('p.bar', act('Install', 'admin', async () => { const a = await send('heads/use', {name: 'candidate'}); if (a) { toast(`Installed: ${visible(a.head || 'the new head')}.`); again(); } }, {first: true}),
      act('Discard', 'admin', async () => { if (await send('learn/stop', {discard: true})) again(); }), needs('admin') ? h('span.quiet', needs('admin')) : null));
}

function drawLearn(view, again) {
  return l => {
    if (l.off) return off('Learning is off: the program has no folder to keep heads in.', 'Start it with a state folder (STATE_DIRECTORY, or --state-dir).');
    const since = [Number.isFinite(l.answers) ? plural(l.answers, 'answer') : null, Number.isFinite(l.corrections) ? plural(l.corrections, 'correction') : null].filter(Boolean).join(', ');
    return h('div', l.head ? h('p', 'In use: ', h('strong', visible(l.head)), l.made_of ? h('span.quiet', ` made of ${visible(l.made_of)}`) : null) : null,
      h('p', since ? `Since then: ${since}` : '', l.needed ? h('span.quiet', ` (${number(l.needed)} fresh ones are needed to judge; there are ${number(l.fresh || 0)})`) : null),
      l.state === 'running' ? progress(l) : h('p.bar', act('Try what it would learn now', 'admin', async () => { await send('learn/start', {}); again(); }, {first: true}), needs('admin') ? h('span.quiet', needs('admin')) : null),
      result(view, l, again));
  };
}

/* ---- heads ---- */

function drawHeads(view, again) {
  return d => {
    const place = h('div');
    const compare = async name => {
      try {
        const r = await get('heads/compare', {a: d.in_use, b: name}, view.signal);
        put(place, differs(view, r.differs || r.items, again));
      } catch (e) {
        tellFailure(e);
      }
    };
    const use = async name => { const a = await send('heads/use', {name}); if (a) { toast(`In use: ${visible(name)}.`); again(); } };
    return h('div', h('ul', (d.items || []).map(x => h('li.bar', x.name === d.in_use || x.in_use ? h('span.dot', {title: 'in use'}) : null, h('strong', visible(x.name)), x.at ? h('span.quiet', moment(x.at)) : null, x.about ? h('span.quiet', visible(x.about)) : null,
      x.name === d.in_use || x.in_use ? h('span.quiet', 'in use') : [act('use', 'admin', () => use(x.name), {small: true}), act('compare', 'view', () => compare(x.name), {small: true})]))), place);
  };
}

/* ---- history ---- */

async function download(as) {
  try {
    const f = await file('corrections/export', {as});
    keep(f.text, f.name || `corrections.${as === 'rules' ? 'conf' : as}`);
  } catch (e) {
    tellFailure(e);
  }
}

function drawHistory(again) {
  return d => {
    const taken = new Set(d.items.filter(w => w.undoes).map(w => w.undoes));
    if (!d.items.length) return h('p', 'Nobody has corrected anything yet. Review is where to begin.');
    return h('div', h('ul.rows', d.items.map(w => h('li.bar', moment(w.at), h('strong', visible(w.by)), w.undoes ? h('span.quiet', 'took back') : null, w.kind ? h('a', {href: kindLink(w.kind)}, log(w.template ?? w.log_message)) : log(w.template ?? w.log_message),
      h('span.nowrap', w.was ? [chip(w.was), ' → '] : null, w.label_id ? chip(w.label_id) : w.state ? visible(w.state) : null), w.note ? h('span.quiet', `“${visible(w.note)}”`) : null,
      w.undoes ? null : w.undone || taken.has(w.batch) || taken.has(w.id) ? h('span.quiet', 'undone') : act('undo', 'label', async () => { if (await undo(w.batch)) { toast('Undone.'); again(); } }, {small: true})))),
      d.next ? h('p.quiet.small', 'Older ones are in the export.') : null);
  };
}

export default async function learn(view) {
  view.title('Learn');
  const all = () => Promise.all([top.load(), heads.load(), history.load()]);
  const top = part(view, signal => get('learn', {}, signal), l => drawLearn(view, all)(l));
  const heads = part(view, signal => get('heads', {}, signal), d => drawHeads(view, all)(d));
  const history = part(view, signal => get('corrections', {limit: 50}, signal), d => drawHistory(() => history.load())(d));
  put(view.node, h('div.title', h('h1', {tabindex: '-1'}, 'Learn'), h('p.quiet', 'A head is the last step of the encoder: the part that is trained.')), top.node,
    h('section.block', h('h2', 'Heads'), heads.node), h('section.block', h('h2', 'History'), h('p.bar', ['jsonl', 'csv', 'rules'].map(as => act(`Export ${as === 'rules' ? 'as rules.conf' : as.toUpperCase()}`, 'view', () => download(as)))), history.node));
  view.atEnd(onUndo(all));
  let running = false;
  view.follow((p, what) => {
    const now = !!(p && p.learn && p.learn.state === 'running');
    if (now || running) top.load();
    running = now;
    if (what.includes('corrections')) history.load();
    if (what.includes('head')) heads.load();
  });
  await all();
  if (store.silent) return;
}
