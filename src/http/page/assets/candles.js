// Candles with volume, from the rows as the API reads them.
import { color, onScheme } from './colors.js';
import {
  CandlestickSeries, HistogramSeries, createChart,
} from './lightweight-charts.min.mjs';

const element = document.querySelector('#candles');
let shown = null;

async function rows(from) {
  const answer = await fetch(from);
  if (!answer.ok) throw new Error(`${answer.status}`);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line)).filter((row) => Number.isFinite(row.open));
}

function seconds(row) {
  return Math.floor(Date.parse(row.ts) / 1000);
}

function build() {
  const before = shown?.chart.timeScale().getVisibleLogicalRange();
  shown?.chart.remove();
  const chart = createChart(element, {
    autoSize: true,
    // A style element of its own would be refused; the link stands below the chart.
    layout: { background: { color: 'transparent' }, textColor: color('quiet'), attributionLogo: false },
    grid: { vertLines: { color: color('line') }, horzLines: { color: color('line') } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false },
  });
  const [up, down] = [color('good'), color('bad')];
  const candles = chart.addSeries(CandlestickSeries, {
    upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false,
  });
  const volume = chart.addSeries(HistogramSeries, {
    priceFormat: { type: 'volume' }, priceScaleId: 'volume', color: color('soft'), lastValueVisible: false, priceLineVisible: false,
  });
  chart.priceScale('volume').applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
  shown = { chart, candles, volume, before };
}

function fill(all) {
  const local = -new Date().getTimezoneOffset() * 60;
  const at = (row) => seconds(row) + local;
  shown.candles.setData(all.map(({ open, high, low, close, ...row }) => ({ time: at(row), open, high, low, close })));
  shown.volume.setData(all.map((row) => ({ time: at(row), value: row.volume ?? 0 })));
  if (shown.before) shown.chart.timeScale().setVisibleLogicalRange(shown.before);
  else if (element.dataset.rows === undefined) shown.chart.timeScale().fitContent();
  element.dataset.rows = all.length;
}

let last = '';

async function show() {
  try {
    const all = await rows(element.dataset.from);
    const text = JSON.stringify(all.at(-1)) + all.length;
    if (text === last) return;
    last = text;
    if (shown === null) build();
    fill(all);
    element.candles = all;
  } catch {
    // The table below has the newest rows all the same.
  }
}

if (element) {
  show();
  document.addEventListener('dccd:live', show);
  onScheme(() => { build(); last = ''; show(); });
}
