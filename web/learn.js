/* Learn: what was said since the head in use was made, what a new one would be worth, the heads there are, and the history of changes. */
import {get, post} from './api.js';
import {onUndo, tellFailure, toast} from './changes.js';
import {h, put, visible} from './dom.js';
import {duration, moment, number, plural, share} from './format.js';
import {download, drawHistory} from './history.js';
import {differs, resultTable} from './learn_result.js';
import {act, off, part} from './parts.js';
import {needs} from './store.js';

const SOON_MS = 500; /* where there is nothing to learn, that is known by then */

/* ---- trying ---- */

function progress(l) {
  const text = l.total ? `${visible(l.doing)} ${number(l.done)} of ${number(l.total)}` : visible(l.doing || 'starting');
  return h(
    'div.block',
    h(
      'p.bar',
      h('progress', {max: l.total || 1, value: l.done || 0, 'aria-label': 'learning'}),
      h('span.number', text),
      l.eta_s !== null && l.eta_s !== undefined ? h('span.quiet', `about ${duration(l.eta_s)} to go`) : null,
      act('Stop', 'admin', () => send('learn/stop', {})),
    ),
    h('p.quiet.small', 'This page may be closed; the work goes on.'),
  );
}

async function send(path, body) {
  try {
    return await post(path, body);
  } catch (e) {
    tellFailure(e);
    return null;
  }
}

/* Comparing takes a while the first time: kinds are embedded for it. */
function candidateDiffers(view, l, again) {
  const place = h('div', h('p.quiet', 'Comparing what each would answer …'));
  get('heads/compare', {a: l.head, b: 'candidate'}, view.signal)
    .then(r => put(place, differs(view, r.differs, again)))
    .catch(e => e.name !== 'AbortError' && put(place, h('p.bad', visible(e.message))));
  return place;
}

function result(view, l, again) {
  const r = l.result;
  if (l.state === 'failed') return h('div.notice.bad', h('p', visible(l.error || 'Learning failed.')));
  if (l.state === 'stopped') return h('p.quiet', 'The last one was stopped.');
  if (!r) return null;
  if (r.said) return h('div.notice', h('p', visible(r.said)));
  return h(
    'div.block',
    h('h2', 'Result'),
    resultTable(r),
    l.differs ? differs(view, l.differs, again) : candidateDiffers(view, l, again),
    h(
      'p.bar',
      act(
        'Install',
        'admin',
        async () => {
          const a = await send('heads/use', {name: 'candidate'});
          if (a) {
            toast(`Installed: ${visible(a.head || 'the new head')}.`);
            again();
          }
        },
        {first: true},
      ),
      act('Discard', 'admin', async () => {
        if (await send('learn/stop', {discard: true})) again();
      }),
      needs('admin') ? h('span.quiet', needs('admin')) : null,
    ),
  );
}

function drawLearn(view, again) {
  return l => {
    if (l.off)
      return off(
        'Learning is off: the program has no folder to keep heads in.',
        'Start it with a state folder (STATE_DIRECTORY, or --state-dir).',
      );
    const since = [
      Number.isFinite(l.answers) ? plural(l.answers, 'answer') : null,
      Number.isFinite(l.corrections) ? plural(l.corrections, 'correction') : null,
    ]
      .filter(Boolean)
      .join(', ');
    return h(
      'div',
      l.head
        ? h('p', 'In use: ', h('strong', visible(l.head)), l.made_of ? h('span.quiet', ` made of ${visible(l.made_of)}`) : null)
        : null,
      h(
        'p',
        since ? `Since then: ${since}` : '',
        l.needed ? h('span.quiet', ` (${number(l.needed)} fresh ones are needed to judge; there are ${number(l.fresh || 0)})`) : null,
      ),
      l.blind && l.blind.checks
        ? h('p', `Blind checks: people chose what was likeliest in ${number(l.blind.agree)} of ${number(l.blind.checks)}.`)
        : null,
      l.state === 'running'
        ? progress(l)
        : h(
            'p.bar',
            act(
              'Try what it would learn now',
              'admin',
              async () => {
                await send('learn/start', {});
                await again();
                setTimeout(() => view.signal.aborted || again(), SOON_MS);
              },
              {first: true},
            ),
            needs('admin') ? h('span.quiet', needs('admin')) : null,
          ),
      result(view, l, again),
    );
  };
}

/* ---- heads ---- */

function drawHeads(view, again) {
  return d => {
    const place = h('div');
    const compare = async name => {
      put(place, h('p.quiet', 'Comparing …'));
      try {
        const r = await get('heads/compare', {a: d.in_use, b: name}, view.signal);
        put(place, differs(view, r.differs, again));
      } catch (e) {
        put(place);
        tellFailure(e);
      }
    };
    const use = async name => {
      const a = await send('heads/use', {name});
      if (a) {
        toast(`In use: ${visible(name)}.`);
        again();
      }
    };
    return h(
      'div',
      h(
        'ul',
        (d.items || []).map(x =>
          h(
            'li.bar',
            x.name === d.in_use || x.in_use ? h('span.dot', {title: 'in use'}) : null,
            h('strong', visible(x.name)),
            x.at ? h('span.quiet', moment(x.at)) : null,
            x.about ? h('span.quiet', visible(x.about)) : null,
            x.judged ? h('span.quiet', `${share(x.judged.right)} right of ${plural(x.judged.rows, 'row')}`) : null,
            x.error ? h('span.bad', visible(x.error)) : null,
            x.name === d.in_use || x.in_use
              ? h('span.quiet', 'in use')
              : [act('use', 'admin', () => use(x.name), {small: true}), act('compare', 'view', () => compare(x.name), {small: true})],
          ),
        ),
      ),
      place,
    );
  };
}

export default async function learn(view) {
  view.title('Learn');
  let running = false; /* as it was last drawn: it may end before a pulse tells that it began */
  const all = () => Promise.all([top.load(), heads.load(), history.load()]);
  const top = part(
    view,
    signal => get('learn', {}, signal),
    l => {
      running = l.state === 'running';
      return drawLearn(view, all)(l);
    },
  );
  const heads = part(
    view,
    signal => get('heads', {}, signal),
    d => drawHeads(view, all)(d),
  );
  const history = part(
    view,
    signal => get('corrections', {limit: 50}, signal),
    d => drawHistory(() => history.load())(d),
  );
  put(
    view.node,
    h('div.title', h('h1', {tabindex: '-1'}, 'Learn'), h('p.quiet', 'A head is the last step of the encoder: the part that is trained.')),
    top.node,
    h('section.block', h('h2', 'Heads'), heads.node),
    h(
      'section.block',
      h('h2', 'History'),
      h(
        'p.bar',
        ['jsonl', 'csv', 'rules'].map(as =>
          act(`Export ${as === 'rules' ? 'as rules.conf' : as.toUpperCase()}`, 'view', () => download(as)),
        ),
      ),
      history.node,
    ),
  );
  view.atEnd(onUndo(all));
  view.follow((p, what) => {
    if (running || (p && p.learn && p.learn.state === 'running')) top.load();
    if (what.includes('corrections')) history.load();
    if (what.includes('head')) heads.load();
  });
  await all();
}
