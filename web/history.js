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

/** Draws an answer of /api/corrections; again() after an undo. */
export function drawHistory(again) {
  return d => {
    const taken = new Set(d.items.filter(w => w.undoes).map(w => w.undoes));
    if (!d.items.length) return h('p', 'Nobody has corrected anything yet. Review is where to begin.');
    return h(
      'div',
      h(
        'ul.rows',
        d.items.map(w =>
          h(
            'li.bar',
            moment(w.at),
            h('strong', visible(w.by)),
            w.undoes ? h('span.quiet', 'took back') : null,
            w.kind ? h('a', {href: kindLink(w.kind)}, log(w.template ?? w.log_message)) : log(w.template ?? w.log_message),
            h('span.nowrap', w.was ? [chip(w.was), ' → '] : null, w.label_id ? chip(w.label_id) : w.state ? visible(w.state) : null),
            w.note ? h('span.quiet', `“${visible(w.note)}”`) : null,
            w.undoes
              ? null
              : w.undone || taken.has(w.batch) || taken.has(w.id)
                ? h('span.quiet', 'undone')
                : act(
                    'undo',
                    'label',
                    async () => {
                      if (await undo(w.batch)) {
                        toast('Undone.');
                        again();
                      }
                    },
                    {small: true},
                  ),
          ),
        ),
      ),
      d.next ? h('p.quiet.small', 'Older ones are in the export.') : null,
    );
  };
}
