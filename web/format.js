/* Numbers, shares, sums and times, as people read them. */
import {h} from './dom.js';

const GROUPED = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
const CLOCK = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});
const DAY = new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});

let skew = 0; /* the server's clock less ours, seconds */

/** The server said what time it is. */
export function setClock(at) {
  if (Number.isFinite(at)) skew = at - Date.now() / 1000;
}

export const now = () => Date.now() / 1000 + skew;
export const number = n => (Number.isFinite(n) ? GROUPED.format(n) : '–');
export const plural = (n, one, many = one + 's') => `${number(n)} ${n === 1 ? one : many}`;

/** 98,120 → 98.1 k, for axes. */
export function short(n) {
  for (const [size, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ])
    if (n >= size) return `${(n / size).toFixed(n >= 100 * size ? 0 : 1).replace(/\.0$/, '')} ${unit}`;
  return n > 0 && n < 10 && n % 1 ? n.toFixed(1) : number(n);
}

/** 0.117 → 11.7 %. */
export function share(p, digits = 1) {
  if (!Number.isFinite(p)) return '–';
  const percent = p * 100;
  if (percent > 0 && percent < 0.1) return percent < 0.01 ? '< 0.01 %' : `${percent.toFixed(2)} %`;
  return `${percent.toFixed(digits)} %`;
}

/** 0.4102 → 41 %. */
export const percent = p => (p > 0 && p < 0.005 ? '< 1 %' : `${Math.round(p * 100)} %`);

/** Prices are told in the currency in which they are configured. */
export function money(x, unit = '') {
  if (!Number.isFinite(x)) return '–';
  return `${unit ? unit + ' ' : ''}${x > 0 && x < 0.01 ? x.toPrecision(1) : x.toFixed(2)}`;
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 2 * 86400) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

export const clock = t => CLOCK.format(new Date(t * 1000));
export const day = t => DAY.format(new Date(t * 1000));

/** How long ago, with the exact time behind it. */
export function ago(t, before = '', after = '') {
  if (!t) return h('span.quiet', '–');
  const iso = new Date(t * 1000).toISOString();
  return h('time', {datetime: iso, title: iso}, before, duration(now() - t), after);
}

/** A moment: the hour for today, else the day too. */
export function moment(t) {
  if (!t) return h('span.quiet', '–');
  const iso = new Date(t * 1000).toISOString();
  return h('time', {datetime: iso, title: iso}, now() - t < 20 * 3600 ? clock(t) : day(t));
}

export function bytes(n) {
  for (const [size, unit] of [
    [1 << 30, 'GB'],
    [1 << 20, 'MB'],
    [1 << 10, 'KB'],
  ])
    if (n >= size) return `${(n / size).toFixed(1)} ${unit}`;
  return `${number(n)} bytes`;
}
