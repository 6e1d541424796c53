/* The shell: header, routes, the box for pasting a line, and what is told about the server. */
import {hooks} from './api.js';
import {undoLast} from './changes.js';
import {h, put, visible} from './dom.js';
import {duration, number} from './format.js';
import {VIEWS, setGeneralKeys, setViewKeys, showHelp} from './keys.js';
import {failure} from './parts.js';
import {follow, may, openSession, startPulse, store} from './store.js';
import {setPasted} from './pasted.js';

const MODULES = {
  now: './now.js',
  review: './review.js',
  kinds: './kinds.js',
  kind: './kind.js',
  try: './try.js',
  rules: './rules.js',
  learn: './learn.js',
  health: './health.js',
};
const main = document.getElementById('main');

/** The parts of #kinds?state=new. */
function route() {
  const [name, query] = location.hash.slice(1).split('?');
  const known = Object.hasOwn(MODULES, name) ? name : 'now';
  return {name: known, params: Object.fromEntries(new URLSearchParams(query || ''))};
}

export const hashOf = (name, params) => {
  const words = new URLSearchParams(Object.entries(params || {}).filter(([, v]) => v !== '' && v !== null && v !== undefined)).toString();
  return `#${name}${words ? '?' + words : ''}`;
};

let view = null;

/* A view gets: node to fill, params, signal (aborted when it is left), keys(map), title(text), follow(f), set(params). */
function newView({name, params}) {
  const ended = new AbortController(),
    node = h('div'),
    ends = [];
  return {
    name,
    params,
    node,
    signal: ended.signal,
    refresh: null,
    keys: setViewKeys,
    title: text => {
      document.title = `${visible(text)} · logclass`;
    },
    follow: f => ends.push(follow(f)),
    atEnd: f => ends.push(f),
    set(next) {
      this.params = next;
      history.replaceState(null, '', hashOf(name, next));
    },
    end() {
      ended.abort();
      setViewKeys({});
      for (const f of ends) f();
    },
  };
}

async function show(how = {}) {
  const to = route();
  if (to.name === 'main') return;
  if (view && view.name === to.name && view.take && view.take(to.params)) return;
  if (view) view.end();
  const mine = (view = newView(to));
  markNav(to.name === 'kind' ? 'kinds' : to.name);
  try {
    const module = await import(MODULES[to.name]);
    if (mine !== view) return;
    if (!may('view')) return signIn(store.session.needs_token ? '' : 'Nobody may look at this page: ask whoever runs the server.');
    put(main, mine.node);
    await module.default(mine);
  } catch (e) {
    if (mine === view)
      put(
        main,
        h('h1', {tabindex: '-1'}, 'This view broke'),
        failure(e, () => show()),
      );
  }
  if (mine !== view) return;
  window.scrollTo(0, 0);
  const writes = document.activeElement && document.activeElement.matches('input, textarea, select'); /* not to be disturbed */
  if (!how.first && !writes) (main.querySelector('[data-focus]') || main.querySelector('h1') || main).focus({preventScroll: true});
}

/* ---- sign in ---- */

let asking = false;

async function signIn(why) {
  if (asking) return;
  asking = true;
  const module = await import('./signin.js');
  if (view) view.end();
  view = null;
  put(
    main,
    module.default(why, async () => {
      await openSession();
      if (!may('view')) throw new Error(`That token has the role “${store.session.role}”. Reading needs a token with role view.`);
      asking = false;
      drawHeader();
      show();
    }),
  );
  (main.querySelector('input') || main).focus();
}

/* ---- header ---- */

const status = h('div.state', {role: 'group', 'aria-label': 'The server'}),
  reviewCount = h('span.count');
let navigation = null;

function markNav(name) {
  for (const a of navigation ? navigation.querySelectorAll('a') : []) {
    if (a.dataset.view === name) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  const here = navigation && navigation.querySelector('[aria-current]');
  if (here && here.scrollIntoView) here.scrollIntoView({block: 'nearest', inline: 'nearest'});
}

function tryBox() {
  const box = h('textarea', {
    id: 'paste', /* no view's name: the browser gives the focus to what an address names */
    rows: 1,
    spellcheck: 'false',
    autocomplete: 'off',
    placeholder: 'Paste a line to try it',
    'aria-label': 'Paste a line to try it',
    title: 'Key: t',
    on: {
      keydown: e => {
        if (e.key !== 'Enter' || e.shiftKey) return;
        e.preventDefault();
        if (box.value.trim() === '') return;
        setPasted(box.value);
        box.value = '';
        box.blur();
        if (location.hash === '#try') show();
        else location.hash = '#try';
      },
    },
  });
  return h('div.try', box);
}

function drawHeader() {
  navigation = h(
    'nav',
    {'aria-label': 'Views'},
    h(
      'ul',
      VIEWS.map(([name, text]) => h('li', h('a', {href: '#' + name, 'data-view': name}, text, name === 'review' ? reviewCount : null))),
    ),
  );
  put(
    document.getElementById('header'),
    h('a.name', {href: '#now'}, 'logclass'),
    navigation,
    tryBox(),
    status,
    h('button.iconic', {type: 'button', 'aria-label': 'Keys', title: 'Keys (?)', on: {click: showHelp}}, '?'),
  );
  markNav(route().name === 'kind' ? 'kinds' : route().name);
}

function drawStatus(pulse) {
  if (store.stale)
    return put(
      status,
      h('span.dot.bad'),
      'The server was updated. ',
      h('button', {type: 'button', on: {click: () => location.reload()}}, 'Reload'),
    );
  if (store.silent)
    return put(status, h('span.dot.bad'), `no answer for ${duration((Date.now() - store.answered) / 1000)}`, h('span.more', ', trying'));
  if (!pulse) return put(status);
  const alerts = pulse.alerts || [];
  const learn = pulse.learn && pulse.learn.state === 'running' ? h('a', {href: '#learn'}, 'learning') : null;
  put(
    status,
    h(`span.dot${alerts.length ? '.bad' : ''}`),
    alerts.length
      ? h(
          'a',
          {href: '#health', title: alerts.map(a => visible(a.text)).join('\n')},
          alerts.length === 1 ? '1 alert' : `${alerts.length} alerts`,
        )
      : null,
    `${number(Math.round(pulse.rate || 0))} lines/s`,
    learn,
  );
  put(reviewCount, number(pulse.waiting || 0));
  reviewCount.hidden = !pulse.waiting;
  main.classList.toggle('stale', store.silent);
}

/* ---- start ---- */

const go = name => () => {
  location.hash = '#' + name;
};

function generalKeys() {
  const keys = {
    '?': showHelp,
    u: undoLast,
    t: () => document.getElementById('paste').focus(),
    '/': () => {
      const search = main.querySelector('[data-search]');
      if (search) search.focus();
      else location.hash = '#kinds?focus=search';
    },
  };
  for (const [name, , key] of VIEWS) keys['g ' + key] = go(name);
  setGeneralKeys(keys);
}

async function start() {
  hooks.signIn = signIn;
  generalKeys();
  try {
    await openSession();
  } catch (e) {
    if (e.status === 401) return signIn('');
    put(main, h('h1', 'logclass'), failure(e, start));
    return;
  }
  drawHeader();
  follow(drawStatus);
  window.addEventListener('hashchange', () => show());
  show({first: true});
  startPulse();
}

/* Links to #main are the skip link's, not a view's. */
document.querySelector('.skip').addEventListener('click', e => {
  e.preventDefault();
  main.focus();
});
start();
