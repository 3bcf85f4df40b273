// The dashboard lives: when events say that sessions have ended, the pieces of the page that count them are fetched anew,
// as the server makes them; and charts can be looked into where uPlot is built in. All that is shown is in the page
// without this file too.
const base = document.body.dataset.base || '';
const overview = document.getElementById('overview');
const range = overview?.dataset.range || 'day';
const plots = Boolean(overview?.dataset.plots);
const live = document.getElementById('live');
const number = new Intl.NumberFormat('en');
const asked = `range=${encodeURIComponent(range)}`;

function make(name, text, css) {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = css;
  return made;
}

// Puts a piece of the page in the place of the one before. Whoever is in it with the keyboard is not thrown out, and
// whoever has scrolled a table stays where he is.
function swap(old, fresh) {
  if (!old || !fresh || old.contains(document.activeElement) || old.outerHTML === fresh.outerHTML) return;
  const made = document.adoptNode(fresh);
  const before = [...old.querySelectorAll('.scroll')].map((one) => [one.scrollLeft, one.scrollTop]);
  old.replaceWith(made);
  made.querySelectorAll('.scroll').forEach((one, i) => { if (before[i]) [one.scrollLeft, one.scrollTop] = before[i]; });
}

async function piece(name) {
  const answer = await fetch(`${base}/dashboard/${name}?${asked}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

// What the server computes from all records.
let fetching = false;
async function showStatistics(asOf) {
  const place = document.getElementById('statistics');
  if (!place || fetching || !asOf || String(asOf) === place.dataset.asOf || place.contains(document.activeElement)) return;
  fetching = true;
  try {
    swap(place, (await piece('statistics')).getElementById('statistics'));
  } catch { /* the next event tries again */ }
  fetching = false;
}

// What is counted as sessions end. Always fetched whole: whatever was missed meanwhile, and whoever began long ago, is in it.
const kBetween = 3000, kAfterFailure = 5000; // ms
const charts = [
  {id: 'by-verdict', at: 2, parts: [['accept', 'accepted', 'accept'], ['tag', 'tagged', 'tag'], ['greylist', 'greylisted', 'greylist'], ['throttle', 'deferred', 'throttle'], ['reject', 'refused', 'reject'], ['none', 'no mail', 'none']], whole: false},
  {id: 'by-family', at: 0, parts: [['ipv6', 'IPv6', 'v6'], ['ipv4', 'IPv4', 'v4']], whole: true},
  {id: 'by-tls', at: 1, parts: [['ok', 'TLS', 'tls-ok'], ['none', 'in clear', 'tls-none'], ['failed', 'handshake failed', 'tls-failed']], whole: true},
];
let history = null, wanted = false, renewing = false;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function readHistory() {
  if (!window.uPlot) return;
  const told = await fetch(`${base}/api/history?${asked}`);
  if (!told.ok) throw new Error(String(told.status));
  history = await told.json();
}

async function showOverview() {
  const [fresh] = await Promise.all([piece('overview'), readHistory()]);
  const both = (selector) => swap(document.querySelector(selector), fresh.querySelector(selector));
  for (const selector of ['#filling', '#tiles', '#cross', '#recent']) both(selector);
  for (const {id} of charts) for (const part of ['.legend', '.drawn', '.figures']) both(`#${id} ${part}`);
  showCharts();
  overview.dataset.counted = fresh.getElementById('overview').dataset.counted;
}

// One at a time, and not more often than every kBetween; what cannot be had is tried again.
async function renew() {
  wanted = true;
  if (renewing) return;
  renewing = true;
  while (wanted && !document.hidden) {
    wanted = false;
    try {
      await showOverview();
      await pause(kBetween);
    } catch {
      wanted = true;
      await pause(kAfterFailure);
    }
  }
  renewing = false;
}

// The charts of the server's series, where uPlot draws them.
const css = getComputedStyle(document.documentElement);
const colour = (name) => css.getPropertyValue(`--${name}`).trim();

const clock = (stamp, whole) => {
  const text = new Date(stamp * 1000).toISOString();
  return whole ? text.slice(5, 16).replace('T', ' ') : history.step_ms >= 7_200_000 ? text.slice(5, 10) : text.slice(11, 16);
};

// What a chart shows: one line of values for each of its parts.
function linesOf(chart, steps) {
  const lines = chart.parts.map(([word, label, name]) => {
    const own = history.series.filter((one) => [one.family, one.tls, one.verdict][chart.at] === word);
    return {label, name, values: Array.from({length: steps}, (_, i) => own.reduce((all, one) => all + one.values[i], 0))};
  });
  return chart.whole ? lines : lines.filter((line) => line.values.some((value) => value > 0));
}

function plotChart(chart, figure, lines, times) {
  const data = [times, ...lines.map((line) => line.values)];
  const key = lines.map((line) => line.name).join();
  if (chart.plot && chart.key === key) {
    // Whoever has zoomed in stays there
    chart.lines = lines;
    const scale = chart.plot.scales.x, whole = chart.plot.data[0];
    const zoomed = scale.min > whole[0] || scale.max < whole[whole.length - 1];
    chart.plot.setData(data, !zoomed);
    if (zoomed) chart.plot.redraw();
    return;
  }
  chart.plot?.destroy();
  chart.key = key;
  chart.lines = lines;
  if (!chart.place) {
    chart.place = make('div', '', 'u-wrap');
    chart.place.setAttribute('aria-hidden', 'true'); // the table of figures below says the same
    figure.querySelector('.drawn').replaceWith(chart.place);
    chart.readout = make('p', 'Drag over the chart to zoom in, double-click to see all.', 'readout dim');
    chart.place.after(chart.readout);
    new ResizeObserver(() => chart.plot?.setSize(chart.size())).observe(chart.place);
  }
  chart.size = () => ({width: Math.max(chart.place.clientWidth, 200), height: 200});
  const axis = {stroke: colour('dim'), grid: {stroke: colour('line'), width: 1}, ticks: {show: false}};
  chart.plot = new uPlot({
    ...chart.size(),
    legend: {show: false},
    tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), 'UTC'),
    axes: [{...axis, space: 70, values: (_, splits) => splits.map((stamp) => clock(stamp))}, {...axis, size: 44}],
    scales: {y: {range: (_, low, high) => [0, Math.max(high, 1)]}},
    series: [{}, ...lines.map((line) => ({label: line.label, stroke: colour(line.name), width: 2, fill: `${colour(line.name)}22`, points: {show: false}}))],
    hooks: {setCursor: [(plot) => {
      const at = plot.cursor.idx;
      if (at == null) return;
      chart.readout.textContent = `${clock(plot.data[0][at], true)}: ${chart.lines.map((line) => `${line.label} ${number.format(line.values[at])}`).join(', ')}`;
    }]},
  }, data, chart.place);
}

function showCharts(anew = false) {
  if (!history || !window.uPlot) return;
  const steps = Math.round({hour: 3.6e6, day: 8.64e7, week: 6.048e8, month: 2.592e9}[range] / history.step_ms);
  const times = Array.from({length: steps}, (_, i) => (history.from_ms + i * history.step_ms) / 1000);
  for (const chart of charts) {
    const figure = document.getElementById(chart.id);
    if (!figure) continue;
    if (anew) chart.key = null;
    plotChart(chart, figure, linesOf(chart, steps), times);
  }
}

async function loadPlots() {
  if (!plots) return;
  const sheet = document.querySelector('link[rel=stylesheet]');
  const loaded = await new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = `${base}/assets/uPlot.iife.min.js`;
    script.onload = () => resolve(true);
    script.onerror = () => resolve(false);
    document.head.append(script);
  });
  if (!loaded) return;
  const style = document.createElement('link');
  style.rel = 'stylesheet';
  style.href = `${base}/assets/uPlot.min.css`;
  sheet.before(style);
}

function listen() {
  if (!window.EventSource || !live) return;
  const events = new EventSource(`${base}/api/live?range=${encodeURIComponent(range)}`);
  live.hidden = false;
  live.textContent = 'Connecting…';
  events.onopen = () => { live.textContent = 'Live.'; };
  events.onerror = () => {
    if (events.readyState !== EventSource.CLOSED) {
      live.textContent = 'The connection is interrupted; it comes back by itself.';
      return;
    }
    // Refused, or the server is starting: the browser gives up on such a stream
    live.textContent = 'The connection is interrupted; it is tried again.';
    setTimeout(listen, 5000);
  };
  events.addEventListener('tick', (event) => {
    const told = JSON.parse(event.data);
    if (told.counted !== overview.dataset.counted) renew();
    showStatistics(told.statistics_ms);
  });
  addEventListener('pagehide', () => events.close());
}

async function begin() {
  if (!overview) return;
  await loadPlots();
  readHistory().then(() => showCharts(), renew); // the rest stands as the server made it a moment ago
  listen();
  document.addEventListener('visibilitychange', () => { if (wanted) renew(); });
  // A canvas keeps the colours that it was drawn with
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => showCharts(true));
}
begin();
