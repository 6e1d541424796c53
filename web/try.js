/* Try: pasted lines, each with what decides it and why. The LLM is not asked, unless a person presses the button for it. */
import {post} from './api.js';
import {askButton, decide, tellDecision, tellFailure} from './changes.js';
import {h, log, put, visible} from './dom.js';
import {number, plural, share} from './format.js';
import {act, amounts, chip, decider, failure, kindLink, labelKeys} from './parts.js';
import {pasted, setPasted} from './pasted.js';

const LINES = 200,
  BYTES = 64 * 1024;

function tooMuch(text) {
  const lines = text.split('\n').filter(l => l.trim() !== '');
  if (lines.length > LINES) return `${number(lines.length)} lines are more than ${LINES}: paste fewer.`;
  const long = lines.find(l => new TextEncoder().encode(l).length > BYTES);
  return long ? `A line of ${number(new TextEncoder().encode(long).length)} bytes is longer than ${number(BYTES)}.` : '';
}

/* Whether the program had it in memory, what the rule is called, what the LLM would have been for. */
function verdict(e) {
  const who = e.correction
    ? [' said by ', h('strong', visible(e.correction.by || 'a person')), e.correction.note ? ` “${visible(e.correction.note)}”` : '']
    : e.rule
      ? [' decided by rule ', h('strong', visible(e.rule)), e.where ? h('span.quiet', ` (${visible(e.where)})`) : null]
      : e.stage === 'fallback'
        ? ' nobody was sure'
        : ` decided by the ${decider(e.stage)}`;
  const sure = e.stage === 'fallback' ? null : h('span.number', ` ${share(e.confidence)},`);
  return h(
    'p',
    chip(e.label_id),
    sure,
    who,
    h('span.quiet', ` · remembered: ${e.memo ? 'yes' : 'no'}`),
    e.reason ? h('span.quiet', ` · ${visible(e.reason.replace(/_/g, ' '))}`) : null,
  );
}

function thresholds(e) {
  const t = e.thresholds;
  return t ? h('p.quiet.small', `a label needs ${share(t.classifier, 0)} of the encoder, and ${share(t.pipeline, 0)} to be taken`) : null;
}

function nearest(items) {
  if (!items || !items.length) return null;
  return h(
    'section',
    h('h3', 'Nearest known kinds'),
    h(
      'ul.near',
      items
        .slice(0, 5)
        .map(n =>
          h(
            'li',
            h('span.number.quiet', (n.similarity ?? n.p ?? 0).toFixed(2)),
            n.id ? h('a', {href: kindLink(n.id)}, log(n.template)) : log(n.template),
            chip(n.label_id),
          ),
        ),
    ),
  );
}

function result(entry, e, one, signal) {
  const top = e.top && e.top.length ? e.top : null;
  const correct =
    e.id && one
      ? h(
          'section',
          h('h3', 'Correct this kind'),
          labelKeys(async id => {
            try {
              tellDecision(await decide([{id: e.id, rev: e.rev}], id), id, 1);
            } catch (x) {
              tellFailure(x);
            }
          }),
        )
      : null;
  return h(
    'article.card',
    h('p.template', log(entry.log_message, {values: false, span: e.span || null})),
    verdict(e),
    e.template !== undefined
      ? h('p', h('span.quiet', 'template '), log(e.template), e.id ? [' ', h('a.small', {href: kindLink(e.id)}, 'its kind')] : null)
      : null,
    top ? h('div', h('p.quiet.small', e.rule || e.correction ? 'without it:' : 'the encoder:'), amounts(top), thresholds(e)) : null,
    nearest(e.nearest),
    one ? askButton(entry, signal) : null,
    correct,
  );
}

async function ask(view, box, source, out) {
  const text = box.value,
    some = text.split('\n').filter(l => l.trim() !== ''),
    entries = some.map(l => ({source: source.value, log_message: l.replace(/\r$/, '')})),
    much = tooMuch(text);
  setPasted(text);
  if (much) return put(out, h('div.notice.bad', {role: 'alert'}, h('p', much)));
  if (!entries.length) return put(out);
  out.setAttribute('aria-busy', 'true');
  try {
    const {items} = await post('explain', {entries}, view.signal);
    const cards = entries.map((entry, i) => result(entry, items[i] || {}, entries.length === 1, view.signal));
    put(
      out,
      h('p.quiet.small', {role: 'status'}, `${plural(entries.length, 'line')} explained. Nobody was asked over the network.`),
      cards,
    );
  } catch (e) {
    const again = () => ask(view, box, source, out);
    if (e.name !== 'AbortError') put(out, failure(e, again));
  }
  out.removeAttribute('aria-busy');
}

export default async function tryView(view) {
  view.title('Try a line');
  const out = h('div'),
    box = h('textarea.wide', {id: 'lines', rows: 4, spellcheck: 'false', 'aria-label': 'Lines, one each', value: pasted()}),
    source = h('input', {id: 'source', type: 'text', size: 14, spellcheck: 'false', autocomplete: 'off'}),
    go = () => ask(view, box, source, out);
  box.addEventListener('keydown', e => {
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) go();
  });
  put(
    view.node,
    h(
      'div.title',
      h('h1', {tabindex: '-1'}, 'Try a line'),
      h('p.quiet', `Up to ${LINES} lines, each explained by itself. Nothing is counted or kept.`),
    ),
    box,
    h('div.bar', h('label', {for: 'source'}, 'source'), source, act('Explain', 'view', go, {first: true})),
    out,
  );
  await go();
}
