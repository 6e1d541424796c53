/* The one place from which requests go. */

const TOKEN = 'logclass.token';
const TRIES = 3;

/** What the server refused. status 0: it did not answer. data: its whole answer. */
export class Refused extends Error {
  constructor(status, message, data) {
    super(message);
    this.status = status;
    this.data = data || {};
  }
}

/** Called on a 401; set by the page. */
export const hooks = {signIn: () => {}, answered: () => {}};

export const token = () => sessionStorage.getItem(TOKEN) || '';

/** Keeps the token until the tab closes. */
export function setToken(text) {
  if (text) sessionStorage.setItem(TOKEN, text);
  else sessionStorage.removeItem(TOKEN);
}

function address(path, query) {
  const words = new URLSearchParams();
  for (const [k, v] of Object.entries(query || {}))
    if (v !== undefined && v !== null && v !== '' && v !== false) words.set(k, v === true ? '1' : v);
  const text = words.toString();
  return `/api/${path}${text ? '?' + text : ''}`;
}

function fields(body) {
  const f = {Accept: 'application/json', 'X-Logclass': '1'};
  if (body !== undefined) f['Content-Type'] = 'application/json';
  if (token()) f.Authorization = `Bearer ${token()}`;
  return f;
}

const wait = (ms, signal) =>
  new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    if (signal)
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          fail(new DOMException('', 'AbortError'));
        },
        {once: true},
      );
  });

async function once(method, path, {query, body, signal} = {}) {
  let r;
  try {
    r = await fetch(address(path, query), {
      method,
      headers: fields(body),
      signal,
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Refused(0, 'The server does not answer.');
  }
  hooks.answered();
  const text = await r.text();
  let data = null;
  try {
    data = text === '' ? {} : JSON.parse(text);
  } catch {
    /* told below */
  }
  if (r.ok && data !== null) return data;
  const sentence = (data && data.error) || `The server answered ${r.status}${r.ok ? ' with something that is no JSON' : ''}.`;
  throw Object.assign(new Refused(r.status, sentence, data), {retry: Number(r.headers.get('Retry-After')) || 1});
}

async function request(method, path, how) {
  for (let i = 1; ; i++) {
    try {
      return await once(method, path, how);
    } catch (e) {
      if (e.status === 401) hooks.signIn(e.message);
      if (e.status !== 503 || i === TRIES) throw e;
      await wait(e.retry * 1000, how && how.signal);
    }
  }
}

export const get = (path, query, signal) => request('GET', path, {query, signal});
export const post = (path, body, signal) => request('POST', path, {body, signal});

/** A file from the server, as text. */
export async function file(path, query) {
  const r = await fetch(address(path, query), {headers: fields(), credentials: 'omit', cache: 'no-store'});
  if (!r.ok) throw new Refused(r.status, `The server answered ${r.status}.`);
  return {text: await r.text(), name: (r.headers.get('Content-Disposition') || '').replace(/^.*filename="?([^"]*)"?.*$/, '$1')};
}

/** A number for a request that may have been done although its answer was lost. */
export function requestId() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map(b => b.toString(16).padStart(2, '0')).join('');
}
