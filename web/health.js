/* Health: serving, who decided, the LLM and what it costs, drift, and the memory of kinds. */
import {get} from './api.js';
import {h, put, visible} from './dom.js';
import {ago, bytes, duration, money, number, plural, share} from './format.js';
import {alertList, chip, decider, kindLink, off, part} from './parts.js';
import {stackedBar, timeColumns} from './plots.js';
import {store} from './store.js';

const COLOURS = {memory: 'c5', regex: 'c1', bert: 'c0', llm: 'c7', fallback: 'c8', rules: 'c1', encoder: 'c0'};
const NAMES = {memory: 'memory', rules: 'rules', encoder: 'encoder'};

const facts = rows =>
  h(
    'dl.facts',
    rows.filter(Boolean).map(([k, v]) => [h('dt', k), h('dd', v)]),
  );
const block = (title, ok, ...more) =>
  h('section.block', h('h2', ok === null ? null : h(`span.dot${ok ? '' : '.bad'}`, {'aria-hidden': 'true'}), title), more);

function serving(x) {
  const s = x.serving || {};
  return block(
    `Serving: ${s.ready ? 'ready' : visible(s.state || 'not ready')}`,
    !!s.ready,
    facts([
      ['Workers', `${number(s.workers)}, queue ${number(s.queue)} of ${number(s.queue_max)}`],
      Number.isFinite(s.wait_p95_ms)
        ? ['Waits', `95 % below ${s.wait_p95_ms < 1 ? s.wait_p95_ms.toFixed(1) : number(s.wait_p95_ms)} ms`]
        : null,
      Number.isFinite(s.refused_1h) ? ['Refused, 1 h', number(s.refused_1h)] : null,
      Number.isFinite(s.uptime_s) ? ['Runs since', duration(s.uptime_s)] : null,
      ['Build', `${visible(x.build || store.session.build || '')}${x.kernel ? ' · ' + visible(x.kernel) : ''}`],
      x.head ? ['Head', visible(x.head)] : null,
      x.model ? ['Model', visible(x.model)] : null,
    ]),
  );
}

function decided(x) {
  const d = x.decided;
  if (!d || !d.some(p => p.n > 0)) return block('Who decided, 24 h', null, h('p.quiet', 'No line yet.'));
  const parts = d.map(p => ({name: NAMES[p.by] || decider(p.by), value: p.n, colour: COLOURS[p.by] || 'c5'}));
  const c = x.confidence;
  return block(
    'Who decided, 24 h',
    null,
    stackedBar('who decided', parts, p => share(p)),
    c && c.some(n => n > 0)
      ? timeColumns({
          caption: 'How sure the encoder was',
          times: c.map((_, i) => 0.5 + i * 0.05),
          values: c,
          name: 'lines',
          format: p => p.toFixed(2),
        })
      : null,
  );
}

/* What the LLM is paid with: /api/cost; how it is: /api/health. */
function llmFacts(l, c, spent) {
  const today = c.today || {},
    limit = (c.limits || {}).tokens_day || 0,
    price = Number.isFinite(today.cost) ? `, ${money(today.cost)}${l.budget ? ` of ${money(l.budget)}` : ''}` : '';
  const saved = Number.isFinite(c.saved) ? ` (≈ ${money(c.saved)} not spent)` : '';
  return facts([
    l.model ? ['Model', visible(l.model)] : null,
    ['Breaker', l.breaker ? visible(l.breaker) : c.breaker_open ? 'open' : 'closed'],
    ['Today', `${plural(today.calls || 0, 'call')}, ${number(today.tokens || 0)}${limit ? ` of ${number(limit)}` : ''} tokens${price}`],
    spent ? ['Budget', h('span.bad', 'spent: what the encoder is not sure of stays UNCLASSIFIED until tomorrow')] : null,
    c.refused ? ['Not asked, for a limit', number(c.refused)] : null,
    Number.isFinite(c.recalled) ? ['Answers recalled', number(c.recalled) + saved] : null,
  ]);
}

function llm(x, c) {
  if (!c || !c.configured) {
    const why = 'No LLM is configured: what the encoder is not sure of stays UNCLASSIFIED.';
    return block('LLM', null, off(why, 'docs/llm.md tells how to add one.'));
  }
  const l = x.llm || {},
    limits = c.limits || {},
    today = c.today || {},
    spent = (limits.tokens_day && today.tokens >= limits.tokens_day) || (limits.calls_day && today.calls >= limits.calls_day),
    priced = c.days.some(d => d.cost > 0),
    days = {caption: `${priced ? 'Cost' : 'Tokens'} a day`, name: priced ? 'cost' : 'tokens', times: c.days.map(d => d.at)};
  return block(
    'LLM',
    !c.breaker_open && !spent,
    llmFacts(l, c, spent),
    c.days.length > 1 ? timeColumns({...days, values: c.days.map(d => (priced ? d.cost : d.tokens) || 0)}) : null,
  );
}

function driftFacts(d, n, j, u) {
  const from = (d.sources || []).slice(0, 5).map(([name, k], i) => [i ? ', ' : '', h('bdi', visible(name || '(none)')), ` +${number(k)}`]);
  const limit = x => (Number.isFinite(x) ? x : null);
  const rows = [['New kinds, last hour', `${number(n.n)}${limit(n.limit) !== null ? ` (limit ${number(n.limit)})` : ''}`]];
  if (Number.isFinite(j.jsd)) {
    const own = limit(j.limit) !== null ? ` (own limit ${j.limit.toFixed(4)})` : '';
    rows.push(['Labels', `JSD ${j.jsd.toFixed(4)}${own}${Number.isFinite(j.psi) ? `, PSI ${j.psi.toFixed(3)}` : ''}`]);
  }
  if (Number.isFinite(u.share))
    rows.push(['Undecided', `${share(u.share)}${limit(u.median) !== null ? ` (median of 7 days ${share(u.median)})` : ''}`]);
  if (d.unseen_share > 0) rows.push(['Unseen', `1 in ${number(Math.round(1 / d.unseen_share))} lines is of a kind not seen before`]);
  if (d.warmup) {
    const {known_share: known, needed = 0.99} = d.warmup;
    rows.push(['Warm-up', `${share(known, 0)} of the lines are of known kinds; alarms begin at ${share(needed, 0)}`]);
  }
  if (from.length) rows.push(['New kinds by source', from]);
  return facts(rows);
}

function drift(d) {
  if (!d) return null;
  const n = d.new_kinds || {},
    hours = d.hours || [];
  const labels = (d.changes || []).slice(0, 9).map(c => h('li', chip(c.label_id), ` ×${c.factor.toFixed(1)}`));
  const kinds = (d.kinds || []).slice(0, 5).map(k => h('li', h('a', {href: kindLink(k.id)}, visible(k.template))));
  const columns = {
    caption: 'New kinds an hour',
    times: hours.map(r => r.at),
    values: hours.map(r => r.n),
    name: 'new kinds',
    limit: n.limit || 0,
  };
  return block(
    `Drift: ${d.alarm ? visible(d.says || 'yes') : 'none'}`,
    !d.alarm,
    driftFacts(d, n, d.labels || {}, d.undecided || {}),
    labels.length ? h('ul', labels) : null,
    kinds.length ? h('ul', kinds) : null,
    hours.length ? timeColumns(columns) : null,
  );
}

function memory(x) {
  const k = x.kinds || {};
  const kept =
    k.max === 0
      ? off('Kinds are not kept (kinds-max is 0).', 'Set kinds-max, such as 100000, and restart.')
      : facts([
          ['Kinds', `${number(k.n)} of ${number(k.max)}`],
          Number.isFinite(k.file_bytes) ? ['File', `${bytes(k.file_bytes)}${k.written ? ', last written ' : ''}`, ''] : null,
          k.written ? ['Last written', ago(k.written, '', ' ago')] : null,
          k.failures ? ['Write failures', number(k.failures)] : null,
          Number.isFinite(x.corrections) ? ['Corrections in force', number(x.corrections)] : null,
        ]);
  return block(
    'Memory of kinds',
    !k.failures,
    kept,
    h(
      'p.quiet.small',
      'On disk are templates only. They still hold names that masking does not know; “logclass kinds --forget ID” removes one everywhere.',
    ),
  );
}

function instances(x) {
  if (!x.instances || !x.instances.length) return null;
  return block(
    'Instances',
    x.instances.every(i => !i.silent),
    h(
      'ul',
      x.instances.map(i =>
        h(
          'li',
          visible(i.name),
          ' ',
          h('span.quiet', i.silent ? 'no answer' : Number.isFinite(i.lag_s) ? `${duration(i.lag_s)} behind` : visible(i.role || '')),
        ),
      ),
    ),
  );
}

export default async function health(view) {
  view.title('Health');
  const safe = p =>
    p.catch(e => {
      if (e.name === 'AbortError' || e.status === 401) throw e;
      return null;
    });
  const body = part(
    view,
    async signal => {
      const [x, d, cost] = await Promise.all([
        get('health', {}, signal),
        safe(get('drift', {}, signal)),
        safe(get('cost', {days: 40}, signal)),
      ]);
      return {x, d, cost};
    },
    ({x, d, cost}) => h('div', alertList(x.alerts), h('div.columns', serving(x), decided(x), llm(x, cost), drift(d), memory(x), instances(x))),
  );
  put(view.node, h('div.title', h('h1', {tabindex: '-1'}, 'Health')), body.node);
  let at = 0;
  view.follow(() => {
    if (store.silent || Date.now() - at < 10000 || body.node.contains(document.activeElement)) return;
    at = Date.now();
    body.load();
  });
  at = Date.now();
  await body.load();
}
