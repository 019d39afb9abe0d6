// Charts of the metric history. An element with the class `history` names the answer to draw:
// data-from="/api/v1/metrics?..." data-pattern="^job:.*:rows$" data-label="Rows a minute" data-per="60"
// Metrics that match are summed, bucket by bucket; counters are divided by the length of a bucket in units of data-per
// seconds where that is given.
import { color, onScheme } from './colors.js';

const charts = new Map();

async function answer(address) {
  const metrics = [];
  let [head, cursor] = [null, null];
  // A page has at most 200 metrics; ten pages are as much as a chart may ask for.
  for (let page = 0; page < 10; page += 1) {
    const next = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const reply = await fetch(address + next);
    if (!reply.ok) throw new Error(`${reply.status}`);
    head = await reply.json();
    metrics.push(...head.metrics);
    cursor = head.next;
    if (!cursor) break;
  }
  return { ...head, metrics };
}

function summed(found, pattern, per) {
  const [from, until] = [Date.parse(found.from) / 1000, Date.parse(found.until) / 1000];
  const buckets = Math.max(1, Math.round((until - from) / found.seconds));
  const at = Array.from({ length: buckets }, (_, bucket) => from + bucket * found.seconds);
  const values = new Array(buckets).fill(null);
  for (const metric of found.metrics.filter((metric) => pattern.test(metric.key))) {
    const scale = metric.kind === 'counter' && per > 0 ? per / found.seconds : 1;
    for (const point of metric.points) {
      const bucket = Math.round((Date.parse(point.at) / 1000 - from) / found.seconds);
      if (bucket >= 0 && bucket < buckets) values[bucket] = (values[bucket] ?? 0) + point.value * scale;
    }
  }
  return [at, values];
}

const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

// The hour; the day at its beginning.
function clock(tick) {
  const at = new Date(tick * 1000);
  const isDay = at.getHours() === 0 && at.getMinutes() === 0;
  return at.toLocaleString('sv', isDay ? { month: '2-digit', day: '2-digit' } : { hour: '2-digit', minute: '2-digit' });
}

function draw(element, data) {
  const { label, tone = 'accent', bars } = element.dataset;
  const width = element.clientWidth;
  const before = charts.get(element);
  if (before && before.width === width && before.tone === color(tone)) {
    before.setData(data);
    return;
  }
  before?.destroy();
  const [line, quiet, grid] = [color(tone), color('quiet'), color('line')];
  const axis = { stroke: quiet, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: '12px system-ui' };
  const chart = new uPlot({
    width,
    height: 160,
    padding: [8, 8, 0, 0],
    legend: { show: true, live: true },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [{ ...axis, size: 28, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => SHORT.format(tick)) }],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '\u2013' : new Date(at * 1000).toLocaleString('sv')) },
      {
        label,
        stroke: line,
        fill: bars ? line : `color-mix(in srgb, ${line} 14%, transparent)`,
        width: bars ? 0 : 1.5,
        points: { show: !bars && data[1].filter((value) => value !== null).length < 3, size: 4, fill: line },
        paths: bars ? uPlot.paths.bars({ size: [0.8, 24] }) : undefined,
        value: (_, value) => (value === null || value === undefined ? '\u2013' : SHORT.format(value)),
      },
    ],
  }, data, element);
  chart.tone = line;
  charts.set(element, chart);
}

async function show(element) {
  const note = element.parentElement.querySelector('.note');
  try {
    const { from, pattern, per } = element.dataset;
    const data = summed(await answer(from), new RegExp(pattern), Number(per));
    if (note) note.hidden = data[1].some((value) => value !== null);
    draw(element, data);
    element.dataset.points = data[1].filter((value) => value !== null).length;
  } catch {
    // The view is whole without it.
    element.dataset.points = '';
  }
}

function all() {
  document.querySelectorAll('.history[data-from]').forEach(show);
}

all();
// The history is written once a minute.
setInterval(() => { if (!document.hidden) all(); }, 60000);
onScheme(all);
let resizing = 0;
addEventListener('resize', () => {
  clearTimeout(resizing);
  resizing = setTimeout(all, 200);
});
