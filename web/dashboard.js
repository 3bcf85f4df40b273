// The dashboard lives: figures, charts and refusals come as events, and charts can be looked into where uPlot is built
// in. All that is shown is in the page without this file too.
const base = document.body.dataset.base || '';
const overview = document.getElementById('overview');
const range = overview?.dataset.range || 'day';
const live = document.getElementById('live');
const number = new Intl.NumberFormat('en');
const thin = '\u202f';
const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, thin);

const families = ['ipv4', 'ipv6'], handshakes = ['none', 'ok', 'failed'];
const verdicts = ['none', 'accept', 'tag', 'greylist', 'throttle', 'reject'];
const looks = [['accept', 'accepted'], ['tag', 'tagged'], ['greylist', 'greylisted'], ['throttle', 'deferred'], ['reject', 'refused'], ['none', 'no mail']];

const share = (part, whole) => {
  if (!whole) return '–';
  const percent = 100 * part / whole;
  return `${percent.toFixed(percent > 0 && percent < 10 ? 1 : 0)}${thin}%`;
};

function make(name, text = '', css = '') {
  const made = document.createElement(name);
  if (text instanceof Node) made.append(text);
  else made.textContent = text;
  if (css) made.className = css;
  return made;
}
function draw(name, attributes) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// The sum of counts[family][handshake][verdict] where `fits` says so.
function sum(counts, fits = () => true) {
  let all = 0;
  counts.forEach((rows, f) => rows.forEach((words, t) => words.forEach((value, w) => {
    if (fits(families[f], handshakes[t], verdicts[w])) all += value;
  })));
  return all;
}

function setTile(id, value, beside = '') {
  const tile = document.getElementById(`tile-${id}`);
  if (!tile) return;
  tile.querySelector('b').textContent = value;
  tile.querySelector('span').textContent = beside;
}

function showTiles(sums, messages) {
  const all = sum(sums);
  const part = (id, fits) => {
    const own = sum(sums, fits);
    setTile(id, share(own, all), count(own));
  };
  setTile('sessions', count(all));
  setTile('messages', count(messages));
  part('ipv6', (f) => f === 'ipv6');
  part('tls', (f, t) => t === 'ok');
  part('refused', (f, t, w) => w === 'reject');
  part('deferred', (f, t, w) => w === 'greylist' || w === 'throttle');
}

// The rows of the table of families, handshakes and verdicts stand as the server made them.
function showCross(sums) {
  const rows = [...document.querySelectorAll('#cross tbody tr')];
  const order = ['ipv6', 'ipv4'].flatMap((f) => handshakes.map((t) => [f, t]));
  const values = order.map(([family, handshake]) => looks.map(([word]) => sum(sums, (f, t, w) => f === family && t === handshake && w === word)));
  const largest = Math.max(1, ...values.map((row) => row.reduce((a, b) => a + b, 0)));
  rows.forEach((row, i) => {
    const cells = row.querySelectorAll('td'), svg = row.querySelector('svg');
    if (!values[i] || cells.length !== looks.length + 1) return;
    svg.replaceChildren();
    let x = 0;
    values[i].forEach((value, j) => {
      cells[j].textContent = count(value);
      const wide = 200 * value / largest;
      if (wide > 0) svg.append(draw('rect', {class: `c-${looks[j][0]}`, x: x.toFixed(1), y: 0, height: 12, width: Math.max(wide, 0.5).toFixed(1)}));
      x += wide;
    });
  });
}

const signs = {accept: '✓', tag: '!', greylist: '!', throttle: '!', reject: '✕'};

function recentBody() {
  const place = document.getElementById('recent');
  const body = place?.querySelector('tbody');
  if (body || !place) return body;
  // Nobody had been refused when the page was made
  const title = 'Last refusals and deferrals';
  const scroll = make('div', '', 'scroll');
  scroll.setAttribute('role', 'region');
  scroll.tabIndex = 0;
  scroll.setAttribute('aria-label', title);
  const table = make('table', make('caption', title));
  const row = make('tr');
  for (const head of ['when', 'client', 'HELO', 'verdict', 'reason', '']) row.append(Object.assign(make('th', head), {scope: 'col', role: 'columnheader'}));
  const made = make('tbody');
  table.className = 'cards';
  table.setAttribute('role', 'table');
  row.setAttribute('role', 'row');
  table.append(make('thead', row), made);
  scroll.append(table);
  place.replaceChildren(scroll);
  return made;
}

function showRecent(recent) {
  if (!recent.length) return;
  const body = recentBody();
  if (!body) return;
  const rows = recent.map((one) => {
    const row = make('tr');
    row.setAttribute('role', 'row');
    const time = make('time', one.time.slice(0, 16).replace('T', ' '));
    time.dateTime = one.time;
    const badge = make('span', `${signs[one.verdict] || '·'} ${one.verdict}`, `badge b-${one.verdict}`);
    const link = make('a', 'why');
    link.href = `${base}/why/${encodeURIComponent(one.id)}`;
    link.setAttribute('aria-label', `why ${one.id}`);
    row.append(Object.assign(make('th', time), {scope: 'row', role: 'rowheader'}));
    for (const [head, content] of [['client', one.client], ['HELO', one.helo], ['verdict', badge], ['reason', one.title], ['', link]]) {
      const cell = make('td', content);
      cell.setAttribute('role', 'cell');
      if (head) cell.dataset.label = head;
      row.append(cell);
    }
    return row;
  });
  // Whoever is in the table with the keyboard is not thrown out of it
  if (!body.contains(document.activeElement)) body.replaceChildren(...rows);
}

// What the server computes from all records comes as a piece of the page.
let fetching = false;
async function showStatistics(asOf) {
  const place = document.getElementById('statistics');
  if (!place || fetching || !asOf || String(asOf) === place.dataset.asOf || place.contains(document.activeElement)) return;
  fetching = true;
  try {
    const answer = await fetch(`${base}/dashboard/statistics?range=${encodeURIComponent(range)}`);
    const parsed = answer.ok && new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('statistics');
    if (parsed) place.replaceWith(document.adoptNode(parsed));
  } catch { /* the next event tries again */ }
  fetching = false;
}

// The charts: the server's series, which events carry on, drawn by uPlot or, without it, as the server draws them.
const css = getComputedStyle(document.documentElement);
const colour = (name) => css.getPropertyValue(`--${name}`).trim();
let history = null;
const charts = [
  {id: 'by-verdict', at: 2, parts: looks.map(([word, label]) => [word, label, word]), whole: false},
  {id: 'by-family', at: 0, parts: [['ipv6', 'IPv6', 'v6'], ['ipv4', 'IPv4', 'v4']], whole: true},
  {id: 'by-tls', at: 1, parts: [['ok', 'TLS', 'tls-ok'], ['none', 'in clear', 'tls-none'], ['failed', 'handshake failed', 'tls-failed']], whole: true},
];

const clock = (stamp, whole) => {
  const text = new Date(stamp * 1000).toISOString();
  return whole ? text.slice(5, 16).replace('T', ' ') : history.step_ms >= 7_200_000 ? text.slice(5, 10) : text.slice(11, 16);
};

// As steps of counts[family][handshake][verdict].
function readHistory(told) {
  const steps = Math.round({hour: 3.6e6, day: 8.64e7, week: 6.048e8, month: 2.592e9}[told.range] / told.step_ms);
  const empty = () => families.map(() => handshakes.map(() => verdicts.map(() => 0)));
  const points = Array.from({length: steps}, empty);
  for (const one of told.series) {
    const f = families.indexOf(one.family), t = handshakes.indexOf(one.tls), w = verdicts.indexOf(one.verdict);
    one.values.forEach((value, i) => { if (points[i]) points[i][f][t][w] += value; });
  }
  return {from_ms: told.from_ms, step_ms: told.step_ms, points, empty};
}

function carryOn(event) {
  if (!history || event.step_ms !== history.step_ms) return;
  const steps = history.points.length;
  for (; history.from_ms < event.from_ms; history.from_ms += history.step_ms) {
    history.points.shift();
    history.points.push(history.empty());
  }
  event.last.forEach((counts, i) => { history.points[steps - event.last.length + i] = counts; });
}

// What a chart shows: one line of values for each of its parts.
function linesOf(chart) {
  const lines = chart.parts.map(([word, label, name]) => ({label, name,
    values: history.points.map((counts) => sum(counts, (...words) => words[chart.at] === word))}));
  return chart.whole ? lines : lines.filter((line) => line.values.some((value) => value > 0));
}

function showFigures(figure, title, lines, times) {
  const legend = figure.querySelector('.legend');
  legend.replaceChildren(...lines.map((line) => {
    const item = make('li');
    const swatch = make('span', '', `swatch c-${line.name}`);
    swatch.setAttribute('aria-hidden', 'true');
    item.append(swatch, `${line.label} `, make('b', count(line.values.reduce((a, b) => a + b, 0))));
    return item;
  }));
  if (lines.some((line) => line.values.some((value) => value > 0))) figure.querySelector(':scope > .empty')?.remove();
  const table = figure.querySelector('details table');
  if (!table || table.contains(document.activeElement)) return;
  const head = make('tr');
  for (const [i, text] of ['From (UTC)', ...lines.map((line) => line.label)].entries()) head.append(Object.assign(make('th', text, i ? 'n' : ''), {scope: 'col'}));
  table.tHead.replaceChildren(head);
  const rows = [];
  for (let i = times.length; i-- > 0;) {
    if (!lines.some((line) => line.values[i] > 0)) continue;
    const row = make('tr', Object.assign(make('th', clock(times[i], true)), {scope: 'row'}));
    for (const line of lines) row.append(make('td', String(line.values[i]), 'n'));
    rows.push(row);
  }
  table.tBodies[0].replaceChildren(...rows);
}

// As chart.cc draws it; the axes are right until more comes than they reach to.
function drawBars(svg, lines) {
  const width = 656 / history.points.length, base_line = 232, plot = 222;
  const sums = history.points.map((_, i) => lines.reduce((all, line) => all + line.values[i], 0));
  const highest = Math.max(1, ...sums), power = 10 ** Math.floor(Math.log10(highest));
  const top = highest <= 1 ? 1 : [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find((factor) => highest <= factor * power) * power;
  const low = sums.map(() => 0);
  svg.querySelectorAll('path').forEach((path) => path.remove());
  for (const line of lines) {
    let path = '';
    line.values.forEach((value, i) => {
      if (value <= 0) return;
      const high = (plot * value / top).toFixed(2);
      path += `M${(56 + width * (i + 0.1)).toFixed(1)} ${(base_line - plot * low[i] / top).toFixed(2)}v-${high}h${(width * 0.8).toFixed(2)}v${high}z`;
      low[i] += value;
    });
    if (path) svg.append(draw('path', {class: `c-${line.name}`, d: path}));
  }
  const texts = [...svg.querySelectorAll('text[text-anchor=end]')];
  const short = (value) => (value >= 1e6 ? `${+(value / 1e6).toFixed(1)}M` : value >= 1e4 ? `${+(value / 1e3).toFixed(1)}k` : `${+value.toFixed(1)}`);
  texts.forEach((text, i) => { text.textContent = short(top * i / (texts.length - 1)); });
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
    figure.querySelector('svg.plot').replaceWith(chart.place);
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
  if (!history) return;
  const times = history.points.map((_, i) => (history.from_ms + i * history.step_ms) / 1000);
  for (const chart of charts) {
    const figure = document.getElementById(chart.id);
    if (!figure) continue;
    const lines = linesOf(chart);
    if (anew) chart.key = null;
    if (window.uPlot) plotChart(chart, figure, lines, times);
    else drawBars(figure.querySelector('svg.plot'), lines);
    showFigures(figure, '', lines, times);
  }
}

async function loadPlots() {
  if (!overview?.dataset.plots) return;
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
    const data = JSON.parse(event.data);
    showTiles(data.sums, data.messages);
    showCross(data.sums);
    carryOn(data);
    showCharts();
    showRecent(data.recent);
    showStatistics(data.statistics_ms);
  });
  addEventListener('pagehide', () => events.close());
}

async function begin() {
  if (!overview) return;
  await loadPlots();
  const answer = await fetch(`${base}/api/history?range=${encodeURIComponent(range)}`).catch(() => null);
  if (answer?.ok) history = readHistory(await answer.json());
  if (window.uPlot) showCharts();
  listen();
  // A canvas keeps the colours that it was drawn with
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => showCharts(true));
}
begin();
