/* Plots: plain SVG, each with a label, a legend in text and a table behind it. */
import {h, put, s} from './dom.js';
import {clock, day, number, short} from './format.js';

const HEIGHT = 200,
  LEFT = 52,
  BOTTOM = 24,
  TOP = 8;

/** 24 columns; the last is the hour that runs. */
export function spark(hours) {
  if (!hours || !hours.length) return h('span');
  const most = Math.max(1, ...hours),
    n = hours.length;
  return s(
    'svg',
    {
      class: 'spark',
      viewBox: `0 0 ${n * 4} 20`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': `lines an hour, the last ${n}: at most ${number(most)}, now ${number(hours[n - 1])}`,
    },
    hours.map((v, i) =>
      v > 0
        ? s('rect', {
            x: i * 4,
            width: 3,
            y: 20 - Math.max(1, (19 * v) / most),
            height: Math.max(1, (19 * v) / most),
            class: i === n - 1 ? 'now' : '',
          })
        : s('rect', {x: i * 4, width: 3, y: 19.5, height: 0.5}),
    ),
  );
}

/** A round number not below n. */
function roundUp(n) {
  const ten = 10 ** Math.floor(Math.log10(Math.max(1, n)));
  return ten * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find(f => f * ten >= n);
}

function axes(width, most, times, format) {
  const right = width - 4,
    bottom = HEIGHT - BOTTOM,
    y = v => bottom - ((bottom - TOP) * v) / most;
  const ticks = width < 480 ? 2 : 4,
    marks = [];
  for (let i = 0; i <= ticks; i++) {
    const v = (most * i) / ticks;
    marks.push(
      s('line', {class: 'grid', x1: LEFT, x2: right, y1: y(v), y2: y(v)}),
      s('text', {x: LEFT - 8, y: y(v) + 4, 'text-anchor': 'end'}, short(v)),
    );
  }
  const across = width < 480 ? 3 : 6;
  for (let i = 0; i < across && times.length > 1; i++) {
    const k = Math.round(((times.length - 1) * i) / (across - 1)),
      x = LEFT + ((right - LEFT) * k) / (times.length - 1);
    marks.push(s('text', {x, y: HEIGHT - 6, 'text-anchor': i === 0 ? 'start' : i === across - 1 ? 'end' : 'middle'}, format(times[k])));
  }
  return {marks, y, x: (k, n) => LEFT + ((right - LEFT) * k) / Math.max(1, n - 1)};
}

function timeFormat(times) {
  return times.length > 1 && times[times.length - 1] - times[0] > 2 * 86400 ? t => day(t).replace(/,?\s*\d\d:\d\d.*$/, '') : clock;
}

function table(caption, times, series, given = null) {
  const format = given || (times.length > 1 && times[times.length - 1] - times[0] > 86400 ? day : clock);
  return h(
    'div.scroll-x',
    {tabindex: '0', role: 'region', 'aria-label': caption},
    h(
      'table',
      h('caption.hidden', caption),
      h(
        'thead',
        h(
          'tr',
          h('th', {scope: 'col'}, 'From'),
          series.map(r => h('th.number', {scope: 'col'}, r.name)),
        ),
      ),
      h(
        'tbody',
        times.map((t, i) =>
          h(
            'tr',
            h('th', {scope: 'row'}, format(t)),
            series.map(r => h('td.number', number(r.values[i]))),
          ),
        ),
      ),
    ),
  );
}

/** Draws again when the width changes; a button shows the same as a table. */
function framed(caption, draw, asTable, legend, tools) {
  const box = h('div'),
    frame = h('div', box);
  let shown = false,
    width = 0;
  const again = () => put(box, shown ? asTable() : draw(Math.max(300, width)));
  const button = h(
    'button',
    {
      type: 'button',
      'aria-pressed': 'false',
      on: {
        click: () => {
          shown = !shown;
          button.setAttribute('aria-pressed', String(shown));
          again();
        },
      },
    },
    'as table',
  );
  new ResizeObserver(([e]) => {
    const w = Math.round(e.contentRect.width);
    if (w && w !== width) {
      width = w;
      if (!shown) again();
    }
  }).observe(frame);
  return h('div', h('div.bar', tools || h('h3.grow', caption), button), frame, legend);
}

function areas(width, caption, times, series, events) {
  const n = times.length,
    tops = new Array(n).fill(0);
  const sums = times.map((_, i) => series.reduce((a, r) => a + (r.values[i] || 0), 0));
  const most = roundUp(Math.max(1, ...sums)),
    format = timeFormat(times),
    a = axes(width, most, times, format);
  const shapes = series.map(r => {
    const low = tops.slice();
    for (let i = 0; i < n; i++) tops[i] += r.values[i] || 0;
    const up = tops.map((v, i) => `${a.x(i, n).toFixed(1)} ${a.y(v).toFixed(1)}`),
      down = low.map((v, i) => `${a.x(i, n).toFixed(1)} ${a.y(v).toFixed(1)}`).reverse();
    return s('path', {class: `area ${r.colour.replace('.', ' ')}`, d: `M${up.join('L')}L${down.join('L')}Z`}, s('title', {}, r.name));
  });
  const flags =
    n < 2
      ? []
      : events
          .filter(e => e.at >= times[0] && e.at <= times[n - 1])
          .map(e => {
            const x = a.x(((e.at - times[0]) / (times[n - 1] - times[0])) * (n - 1), n);
            return s(
              'g',
              {},
              s('line', {class: 'event', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM}),
              s('path', {d: `M${x - 4} ${TOP}h8l-4 6z`, fill: 'currentColor'}),
              s('title', {}, `${format(e.at)} ${e.text}`),
            );
          });
  return s(
    'svg',
    {class: 'plot', viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: 'img', 'aria-label': caption},
    a.marks,
    shapes,
    flags,
  );
}

/** Stacked areas. series: [{name, colour, values, mark: node}]; events: [{at, text}]. */
export function stackedAreas({caption, times, series, events = [], tools = null}) {
  const shown = series.filter(r => r.values.some(v => v > 0));
  const legend = h(
    'div',
    h(
      'div.legend',
      shown.map(r => h('span', r.mark, ' ', h('span.number', number(r.values.reduce((x, y) => x + (y || 0), 0))))),
    ),
    events.length
      ? h(
          'p.small.quiet',
          events.slice(-4).map((e, i) => [i ? ' · ' : '▾ ', clock(e.at), ' ', e.text]),
        )
      : null,
  );
  return framed(
    caption,
    w => areas(w, caption, times, shown, events),
    () => table(caption, times, shown),
    legend,
    tools,
  );
}

function columns(width, caption, times, values, limit, format) {
  const most = roundUp(Math.max(1e-9, ...values, limit || 0)),
    a = axes(width, most, times, format),
    n = values.length,
    step = (width - LEFT - 4) / n;
  return s(
    'svg',
    {class: 'plot', viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: 'img', 'aria-label': caption},
    a.marks,
    values.map((v, i) =>
      s('rect', {
        class: 'column',
        x: LEFT + i * step + 1,
        width: Math.max(1, step - 2),
        y: a.y(v),
        height: Math.max(0, HEIGHT - BOTTOM - a.y(v)),
      }),
    ),
    limit ? s('line', {class: 'limit', x1: LEFT, x2: width - 4, y1: a.y(limit), y2: a.y(limit)}) : null,
  );
}

/** Columns over time (or over what format says), a limit as a line. */
export function timeColumns({caption, times, values, name, limit = 0, format = null}) {
  return framed(
    caption,
    w => columns(w, caption, times, values, limit, format || timeFormat(times)),
    () => table(caption, times, [{name, values}], format),
    null,
    null,
  );
}

/** One bar in parts: [{name, value, colour}], with what they come to in text. */
export function stackedBar(caption, parts, text) {
  const sum = parts.reduce((a, p) => a + p.value, 0) || 1;
  let at = 0;
  return h(
    'div',
    s(
      'svg',
      {class: 'amount', viewBox: '0 0 1000 10', preserveAspectRatio: 'none', role: 'img', 'aria-label': caption},
      parts.map(p => {
        const w = (1000 * p.value) / sum,
          r = s('rect', {class: `fill ${p.colour}`, x: at, width: Math.max(0, w - 2), height: 10});
        at += w;
        return r;
      }),
    ),
    h(
      'div.legend.small',
      parts.map(p =>
        h(
          'span',
          h(`span.chip.${p.colour}`, h('span.swatch', {'aria-hidden': 'true'}), p.name),
          ' ',
          h('span.number', text(p.value / sum)),
        ),
      ),
    ),
  );
}
