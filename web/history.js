/* The history of corrections, and their export. */
import {file} from './api.js';
import {tellFailure, toast, undo} from './changes.js';
import {h, keep, log, visible} from './dom.js';
import {moment} from './format.js';
import {act, chip, kindLink} from './parts.js';

/** Hands all corrections to the person, as jsonl, csv or rules. */
export async function download(as) {
  try {
    const f = await file('corrections/export', {as});
    keep(f.text, f.name || `corrections.${as === 'rules' ? 'conf' : as}`);
  } catch (e) {
    tellFailure(e);
  }
}

/** Whether it was taken back, or a button that does it; again() afterwards. */
export function undoOf(w, again) {
  if (w.lost) return h('span.quiet', `came late: a later word of ${visible(w.undone_by || 'somebody')} counts`);
  if (w.undone) return h('span.quiet', w.undone_by ? `undone by ${visible(w.undone_by)}` : 'undone');
  const back = async () => {
    if (!(await undo(w.batch))) return;
    toast('Undone.');
    again();
  };
  return act('undo', 'label', back, {small: true});
}

/** What was said: from which label to which, or which state. */
export function wordOf(w) {
  const now = w.label_id ? chip(w.label_id) : w.state ? visible(w.state) : 'as the stages say';
  return h('span.nowrap', w.was && w.label_id ? [chip(w.was), ' → '] : null, now);
}

/** Draws an answer of /api/corrections; again() after an undo. */
export function drawHistory(again) {
  return d => {
    if (!d.items.length) return h('p', 'Nobody has corrected anything yet. Review is where to begin.');
    const row = w =>
      h(
        'li.bar',
        moment(w.at),
        h('strong', visible(w.by)),
        w.on ? h('span.quiet', `on ${visible(w.on)}`) : null,
        w.kind ? h('a', {href: kindLink(w.kind)}, log(w.template)) : log(w.template),
        wordOf(w),
        w.note ? h('span.quiet', `“${visible(w.note)}”`) : null,
        undoOf(w, again),
      );
    return h('div', h('ul.rows', d.items.map(row)), d.next ? h('p.quiet.small', 'Older ones are in the export.') : null);
  };
}
