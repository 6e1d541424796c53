/* What the whole page knows: who looks, which labels there are, how the server is. */
import {get, hooks} from './api.js';
import {setClock} from './format.js';

const RANK = {none: 0, ingest: 0, share: 0, view: 1, label: 2, admin: 3};
const PULSE_MS = 2000;

export const store = {
  session: {role: 'none', labels: [], features: {}},
  pulse: null,
  answered: Date.now() /* when the server last did */,
  silent: false /* it does not answer */,
  stale: false /* it was updated: the page is older than the server */,
};

const followers = new Set();
hooks.answered = () => {
  store.answered = Date.now();
};

/** f(pulse, changed) after each pulse; returns what ends that. */
export function follow(f) {
  followers.add(f);
  return () => followers.delete(f);
}

/** A person's word or a request of another view: everybody looks again at the next pulse. */
let extra = [];
export const changed = (...what) => {
  extra.push(...what);
  beat(true);
};

export const may = role => RANK[store.session.role] >= RANK[role];
export const needs = role => (may(role) ? null : `Your access is “${store.session.role}”; this needs the role “${role}”.`);
export const labelOf = id => store.session.labels.find(l => l.label_id === id) || {label_id: id, label: id};
export const labelIndex = id => store.session.labels.findIndex(l => l.label_id === id);

export async function openSession() {
  store.session = {labels: [], features: {}, ...(await get('session'))};
  store.session.role = store.session.role || 'none';
  return store.session;
}

let timer = 0,
  running = false;

async function beat(now = false) {
  if (now && running) return;
  clearTimeout(timer);
  if (document.hidden) return;
  running = true;
  try {
    const p = await get('pulse', {since: store.pulse ? store.pulse.seq : 0});
    if (store.session.build && p.build && p.build !== store.session.build) store.stale = true;
    store.pulse = p;
    store.silent = false;
    setClock(p.at);
  } catch (e) {
    store.silent = e.status === 0;
  }
  running = false;
  const what = [...(store.pulse && !store.silent ? store.pulse.changed || [] : []), ...extra];
  extra = [];
  for (const f of followers) f(store.pulse, what);
  timer = setTimeout(beat, PULSE_MS);
}

/** Asks every two seconds while the page is seen. */
export function startPulse() {
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) beat(true);
  });
  beat();
}
