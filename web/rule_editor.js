/* The editor of a rule: the preview runs while a person types, and saving waits for the preview of exactly this text. */
import {post} from './api.js';
import {tellFailure, toast} from './changes.js';
import {h, log, put, visible} from './dom.js';
import {bytes, number, plural} from './format.js';
import {act, chip, kindLink, lines} from './parts.js';
import {pasted} from './pasted.js';
import {needs, store} from './store.js';

const TYPING_MS = 300,
  LINES_MAX = 200;

const field = (name, id, control) => h('span.field', h('label', {for: id}, name), control);

/* [{from, to, kinds, lines_24h}] in a line. */
function changesLine(p) {
  const changes = p.changes || [],
    kinds = changes.reduce((a, c) => a + c.kinds, 0),
    sum = changes.reduce((a, c) => a + c.lines_24h, 0);
  if (!kinds)
    return h(
      'p',
      (p.items || []).length
        ? `Matches ${plural(p.items.length, 'line')} of those it was tried on.`
        : 'Would change nothing that was seen.',
    );
  return h(
    'p',
    h('strong', `Would change ${plural(kinds, 'kind')}, ${lines(sum)} a day: `),
    changes.map((c, i) => [i ? ' · ' : null, chip(c.from), ' → ', chip(c.to), ` ${plural(c.kinds, 'kind')} (${number(c.lines_24h)})`]),
  );
}

function tested(p) {
  const t = p.tested || {};
  return h(
    'p.quiet.small',
    `Tested on the examples of ${plural(t.kinds || 0, 'kind')} and the last ${number(t.lines || 0)} lines; ${number(p.ms || 0)} ms.`,
    p.compiled_bytes ? ` Compiles to ${bytes(p.compiled_bytes)}.` : '',
  );
}

export class Editor {
  constructor(view, rule, {close, saved, undo}) {
    Object.assign(this, {view, rule, close, saved, undo, timer: 0, running: null, shown: ''});
    const text = (id, value, size) =>
      h('input', {id, type: 'text', value: value || '', size, spellcheck: 'false', autocomplete: 'off', on: {input: () => this.typed()}});
    this.name = text('r-name', rule.name, 28);
    this.source = text('r-source', rule.source, 12);
    this.confidence = h('input', {
      id: 'r-confidence',
      type: 'number',
      min: 0,
      max: 1,
      step: 0.01,
      value: rule.confidence || 0.95,
      on: {input: () => this.typed()},
    });
    this.pattern = h('textarea.wide', {
      id: 'r-pattern',
      rows: 2,
      spellcheck: 'false',
      value: rule.pattern || '',
      'aria-describedby': 'r-said',
      on: {input: () => this.typed()},
    });
    this.label = h(
      'select',
      {id: 'r-label', on: {change: () => this.typed()}},
      store.session.labels.map(l => h('option', {value: l.label_id, selected: l.label_id === rule.label_id}, visible(l.label_id))),
    );
    this.said = h('div', {id: 'r-said', 'aria-live': 'polite'});
    this.save = act('Save', 'admin', () => this.store(), {first: true});
    this.save.disabled = true;
    this.wins = h('input', {id: 'r-wins', type: 'checkbox', on: {change: () => this.ready()}});
    this.node = h(
      'section.card',
      {'aria-label': 'Rule'},
      h('h2', rule.name && rule.from ? 'Change a rule' : 'New rule'),
      h(
        'div.bar.low',
        field('Name', 'r-name', this.name),
        field('Label', 'r-label', this.label),
        field('Only from source', 'r-source', this.source),
        field('Confidence', 'r-confidence', this.confidence),
      ),
      field('Pattern', 'r-pattern', this.pattern),
      this.said,
      h('div.bar', this.save, act('Cancel', null, close), needs('admin') ? h('span.quiet', needs('admin')) : null),
    );
    this.node.querySelectorAll('.field')[4].classList.add('wide');
  }

  start() {
    (this.rule.pattern ? this.pattern : this.name).focus();
    if (this.rule.pattern) this.preview();
  }

  get text() {
    return {
      name: this.name.value.trim(),
      label_id: this.label.value,
      pattern: this.pattern.value.replace(/\n/g, ''),
      source: this.source.value.trim(),
      confidence: Number(this.confidence.value),
    };
  }

  /* What it is tried on besides what the server has seen: the chosen kinds' examples, and what was pasted last. */
  lines() {
    const all = [...(this.rule.lines || []), ...pasted().split('\n')];
    return all.filter(l => l.trim() !== '').slice(0, LINES_MAX);
  }

  typed() {
    clearTimeout(this.timer);
    this.save.disabled = true;
    this.timer = setTimeout(() => this.preview(), TYPING_MS);
  }

  async preview() {
    if (this.running) this.running.abort();
    const mine = (this.running = new AbortController()),
      text = this.text;
    if (!text.pattern || !text.name)
      return put(
        this.said,
        h('p.quiet', text.pattern ? 'A rule needs a name.' : 'A pattern is a regular expression: any case, anywhere in the line.'),
      );
    try {
      const p = await post(
        'rules/preview',
        {...text, ids: this.rule.ids || [], lines: this.lines(), replaces: this.rule.from ? this.rule.name : undefined},
        mine.signal,
      );
      this.result = p;
      this.shown = JSON.stringify(text);
      put(this.said, this.drawPreview(p));
      this.ready();
    } catch (e) {
      if (e.name === 'AbortError') return;
      this.shown = '';
      put(this.said, this.drawBroken(e, text));
    }
  }

  /* The engine's sentence, and where in the pattern. */
  drawBroken(e, text) {
    const told = / at index (\d+)/.exec(e.message),
      at = Number.isInteger(e.data && e.data.at) ? e.data.at : told ? Number(told[1]) : -1;
    return h(
      'div.notice.bad',
      h('p', visible(e.message)),
      at >= 0 ? h('p', log(text.pattern, {values: false, span: [at, at + 1]}), h('span.quiet', ` column ${at + 1}`)) : null,
    );
  }

  drawPreview(p) {
    const against = p.against || [],
      shadow = p.shadowed_by || [],
      missed = p.missed || [],
      hides = p.shadows || [];
    return h(
      'div',
      changesLine(p),
      h(
        'ul',
        (p.items || [])
          .slice(0, 12)
          .map(k =>
            h(
              'li.bar',
              log(k.example, {values: false, span: k.span}),
              k.from ? h('span.nowrap', chip(k.from), ' → ', chip(this.label.value)) : null,
              k.id ? h('a.small', {href: kindLink(k.id), target: '_blank', rel: 'noopener'}, 'kind') : null,
            ),
          ),
      ),
      against.length
        ? h(
            'div.notice.bad',
            h(
              'p',
              `Contradicts ${plural(against.length, 'correction')}: `,
              against
                .slice(0, 3)
                .map((c, i) => [i ? ', ' : '', visible(c.by), ' said ', chip(c.label_id), c.template ? [' of ', log(c.template)] : null]),
              '. What a person said about a kind stays in force before any rule.',
            ),
            h('p.bar', this.wins, h('label', {for: 'r-wins'}, 'Save it all the same')),
          )
        : null,
      shadow.map(([name, n]) => h('p.notice', `Hidden by the rule “${visible(name)}” on ${lines(n)}.`)),
      hides.map(([name, n]) => h('p.notice', `Hides the rule “${visible(name)}” on ${lines(n)}.`)),
      missed.length ? h('p.notice.bad', `It misses ${plural(missed.length, 'kind')} of those chosen.`) : null,
      tested(p),
    );
  }

  ready() {
    const contradicts = this.result && (this.result.against || []).length && !this.wins.checked;
    this.save.disabled = !!needs('admin') || this.shown !== JSON.stringify(this.text) || !!contradicts;
  }

  async store() {
    try {
      await post('rules/save', {
        ...this.text,
        hash: this.result.hash,
        replaces: this.rule.from ? this.rule.name : undefined,
        against: this.wins.checked ? 'rule' : undefined,
      });
      toast(`Saved: ${visible(this.text.name)}. It is in force.`, act('undo', 'admin', this.undo));
      this.saved();
    } catch (e) {
      put(this.said, h('div.notice.bad', {role: 'alert'}, h('p', visible(e.message))));
      tellFailure(e);
    }
  }
}
