/* Rules: those in force, and an editor that shows what a rule would change before it is saved. */
import {get, post} from './api.js';
import {tellFailure, toast} from './changes.js';
import {h, put, visible} from './dom.js';
import {ago, number} from './format.js';
import {act, chip, part} from './parts.js';
import {spark} from './plots.js';
import {Editor} from './rule_editor.js';
import {changed, needs, store} from './store.js';

const KINDS_MAX = 50,
  REFRESH_MS = 10000;

/* name, label, lines, last, pattern */
function ruleRow(r, i, counted, edit, drop) {
  const never = counted && !r.last;
  const acts = [act('change', 'admin', () => edit(r), {small: true}), act('remove', 'admin', () => drop(r), {small: true})];
  return h(
    'tr',
    {class: never ? 'quiet' : null},
    h('td.number', i + 1),
    h('td', visible(r.name)),
    h('td', chip(r.label_id)),
    counted
      ? [
          h('td.number', {title: `${number(r.lines || 0)} in all`}, number(r.lines_24h || 0)),
          h('td', spark(r.hours)),
          h('td.nowrap', never ? 'never' : ago(r.last)),
        ]
      : null,
    h('td', h('code.log', visible(r.pattern)), r.source ? h('span.quiet', ' source ', visible(r.source)) : null),
    h('td', r.from === 'page' ? h('span.bar', acts) : h('span.quiet.small', r.line ? `line ${r.line}` : 'file')),
  );
}

function table(d, edit, drop) {
  if (!d.items.length)
    return h('p', 'None. Rules are for lines you know word for word. To start one, select kinds under Kinds and press r.');
  const page = d.items.filter(r => r.from === 'page').length,
    file = d.items.length - page,
    counted = d.items.some(r => 'lines_24h' in r),
    columns = ['#', 'Name', 'Label', ...(counted ? ['Lines, 24 h', 'Last 24 h', 'Last'] : []), 'Pattern', ''];
  const told = [
    page ? `${number(page)} from this page, which come first` : null,
    file ? `${number(file)} from ${visible((d.path || 'the configured file').split('/').pop())}, read-only here` : null,
  ];
  const heads = columns.map(t =>
    h(t === '#' || t === 'Lines, 24 h' ? 'th.number' : 'th', {scope: 'col'}, t || h('span.hidden', 'Where from')),
  );
  return h(
    'div',
    h('p.quiet', told.filter(Boolean).join(' · ')),
    h(
      'div.scroll-x',
      {tabindex: '0', role: 'region', 'aria-label': 'Rules, in the order in which they are tried'},
      h(
        'table',
        h('thead', h('tr', heads)),
        h(
          'tbody',
          d.items.map((r, i) => ruleRow(r, i, counted, edit, drop)),
        ),
      ),
    ),
  );
}

export const blockOf = r =>
  [
    '[rule ' + r.name + ']',
    `label = ${r.label_id}`,
    `pattern = ${r.pattern}`,
    r.source ? `source = ${r.source}` : null,
    r.confidence ? `confidence = ${r.confidence}` : null,
  ]
    .filter(Boolean)
    .join('\n');

async function copyAll(d) {
  const text = d.items
    .filter(r => r.from === 'page')
    .map(blockOf)
    .join('\n\n');
  try {
    await navigator.clipboard.writeText(text + '\n');
    toast('Copied as blocks of rules.conf.');
  } catch {
    toast('The browser does not let this page copy; “logclass rules list” shows the same.');
  }
}

async function takeBack(body) {
  try {
    await post('rules/undo', {});
    toast('The rules are what they were before the last change.');
    changed('rules', 'kinds');
  } catch (e) {
    tellFailure(e);
  }
  body.load();
}

/** Removes a rule of the page. */
async function removeRule(r, body) {
  try {
    await post('rules/save', {remove: r.name});
    toast(
      `Removed: ${visible(r.name)}.`,
      act('undo', 'admin', () => takeBack(body)),
    );
    changed('rules', 'kinds');
  } catch (e) {
    tellFailure(e);
  }
  body.load();
}

/** What the templates of these kinds have in common, as a first pattern. */
async function suggestion(ids, signal) {
  const kinds = await Promise.all(ids.slice(0, KINDS_MAX).map(id => get('kind', {id}, signal)));
  const templates = kinds.map(k => k.template),
    labels = new Set(kinds.map(k => k.label_id));
  const s = await post('rules/suggest', {templates, ids}, signal);
  return {
    lines: kinds.map(k => (k.examples && k.examples[0]) || k.template),
    name: s.name || '',
    label_id: s.label_id || (labels.size === 1 ? [...labels][0] : ''),
    source: s.source || '',
    confidence: s.confidence || 0.95,
    pattern: s.pattern || '',
    ids,
  };
}

export default async function rules(view) {
  view.title('Rules');
  const place = h('div');
  let editor = null;
  const close = () => {
    editor = null;
    put(place);
  };
  const saved = () => {
    close();
    changed('rules', 'kinds');
    body.load();
  };
  const open = rule => {
    editor = new Editor(view, rule, {close, saved, undo: () => takeBack(body)});
    put(place, editor.node);
    editor.start();
  };
  const body = part(
    view,
    signal => get('rules', {}, signal),
    d =>
      h(
        'div',
        h(
          'div.bar',
          act('New rule', 'admin', () => open({}), {first: true}),
          act('Copy page rules as rules.conf', 'view', () => copyAll(d)),
          d.undo ? act('Undo the last change', 'admin', () => takeBack(body)) : null,
          needs('admin') ? h('span.quiet', needs('admin')) : null,
        ),
        table(d, open, r => removeRule(r, body)),
      ),
  );
  put(view.node, h('div.title', h('h1', {tabindex: '-1'}, 'Rules'), h('p.quiet', 'The first that matches decides.')), place, body.node);
  let at = Date.now();
  view.follow((p, what) => {
    const old = Date.now() - at > REFRESH_MS && !store.silent && !body.node.contains(document.activeElement);
    if (editor || !(old || what.includes('rules'))) return;
    at = Date.now();
    body.load();
  });
  const from = (view.params.from || '').split(',').filter(Boolean);
  const listed = body.load();
  if (from.length) {
    try {
      open(await suggestion(from, view.signal));
    } catch (e) {
      if (e.name === 'AbortError') return;
      tellFailure(e);
      open({ids: from});
    }
  }
  await listed;
}
