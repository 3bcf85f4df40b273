// The dashboard lives: figures and refusals come as events, and charts can be looked into where uPlot is built in. All
// that is shown is in the page without this file too.
const base = document.body.dataset.base || '';
const overview = document.getElementById('overview');
const range = overview?.dataset.range || 'day';
const live = document.getElementById('live');
const number = new Intl.NumberFormat('en');

const share = (part, whole) => (whole ? `${(100 * part / whole).toFixed(part && part * 10 < whole ? 1 : 0)} %` : '–');

function setTile(id, value, beside = '') {
  const tile = document.getElementById(`tile-${id}`);
  if (!tile) return;
  tile.querySelector('b').textContent = value;
  tile.querySelector('span').textContent = beside;
}

function showTiles(hour) {
  setTile('sessions', number.format(hour.sessions));
  setTile('ipv6', share(hour.ipv6, hour.sessions), number.format(hour.ipv6));
  setTile('tls', share(hour.tls, hour.sessions), number.format(hour.tls));
  setTile('messages', number.format(hour.messages));
  setTile('refused', share(hour.refused, hour.sessions), number.format(hour.refused));
  setTile('deferred', share(hour.deferred, hour.sessions), number.format(hour.deferred));
}

function cell(row, text, name = 'td') {
  const made = document.createElement(name);
  if (text instanceof Node) made.append(text);
  else made.textContent = text;
  row.append(made);
  return made;
}

const signs = {accept: '✓', tag: '!', greylist: '!', throttle: '!', reject: '✕'};

function showRecent(recent) {
  const body = document.querySelector('#recent tbody');
  if (!body || !recent.length) return;
  const rows = recent.map((one) => {
    const row = document.createElement('tr');
    const time = document.createElement('time');
    time.dateTime = one.time;
    time.textContent = one.time.slice(0, 16).replace('T', ' ');
    cell(row, time, 'th').scope = 'row';
    cell(row, one.client);
    cell(row, one.helo);
    const badge = document.createElement('span');
    badge.className = `badge b-${one.verdict}`;
    badge.textContent = `${signs[one.verdict] || '·'} ${one.verdict}`;
    cell(row, badge);
    cell(row, one.title);
    const link = document.createElement('a');
    link.href = `${base}/why/${encodeURIComponent(one.id)}`;
    link.textContent = 'why';
    cell(row, link);
    return row;
  });
  // Whoever is in the table with the keyboard is not thrown out of it
  if (!body.contains(document.activeElement)) body.replaceChildren(...rows);
}

if (window.EventSource && live) {
  const events = new EventSource(`${base}/api/live`);
  live.hidden = false;
  live.textContent = 'Connecting…';
  events.onopen = () => { live.textContent = 'Live.'; };
  events.onerror = () => { live.textContent = 'The connection is interrupted; it comes back by itself.'; };
  events.addEventListener('tick', (event) => {
    const data = JSON.parse(event.data);
    if (range === 'hour') showTiles(data.hour);
    showRecent(data.recent);
  });
  addEventListener('pagehide', () => events.close());
}

// Charts that can be looked into: what the pointer is on stands in the legend, dragging zooms.
async function enhance() {
  const sheet = document.querySelector('link[rel=stylesheet]');
  if (!overview?.dataset.plots) return;
  const loaded = await new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = `${base}/assets/uPlot.iife.min.js`;
    script.onload = () => resolve(true);
    script.onerror = () => resolve(false);
    document.head.append(script);
  });
  if (!loaded) return;
  const {uPlot} = window;
  const style = document.createElement('link');
  style.rel = 'stylesheet';
  style.href = `${base}/assets/uPlot.min.css`;
  sheet.before(style);
  const answer = await fetch(`${base}/api/history?range=${encodeURIComponent(range)}`);
  if (!answer.ok) return;
  const history = await answer.json();
  if (!history.series.length) return;
  const count = history.series[0].values.length;
  const times = Array.from({length: count}, (_, i) => (history.from_ms + i * history.step_ms) / 1000);
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue(`--${name}`).trim();
  const charts = [
    ['by-verdict', 'verdict', [['accept', 'accepted'], ['tag', 'tagged'], ['greylist', 'greylisted'], ['throttle', 'deferred'], ['reject', 'refused'], ['none', 'no mail']]],
    ['by-family', 'family', [['ipv6', 'IPv6', 'v6'], ['ipv4', 'IPv4', 'v4']]],
    ['by-tls', 'tls', [['ok', 'TLS', 'tls-ok'], ['none', 'in clear', 'tls-none'], ['failed', 'handshake failed', 'tls-failed']]],
  ];
  for (const [id, key, parts] of charts) {
    const figure = document.getElementById(id);
    const svg = figure?.querySelector('svg.plot');
    if (!svg) continue;
    const sums = [];
    for (const [word, label, name = word] of parts) {
      const values = new Array(count).fill(0);
      let any = false;
      for (const one of history.series) {
        if (one[key] !== word) continue;
        any = true;
        one.values.forEach((value, i) => { values[i] += value; });
      }
      if (any) sums.push({label, colour: colour(name), values});
    }
    const place = document.createElement('div');
    place.className = 'u-wrap';
    place.setAttribute('aria-hidden', 'true'); // the table of figures below says the same
    svg.replaceWith(place);
    const readout = document.createElement('p');
    readout.className = 'readout dim';
    readout.textContent = 'Drag over the chart to zoom in, double-click to see all.';
    place.after(readout);
    const axis = {stroke: colour('dim'), grid: {stroke: colour('line'), width: 1}, ticks: {show: false}};
    const size = () => ({width: Math.max(place.clientWidth, 200), height: 200});
    const days = history.step_ms >= 7_200_000;
    const clock = (stamp, whole) => {
      const text = new Date(stamp * 1000).toISOString();
      return whole ? text.slice(5, 16).replace('T', ' ') : days ? text.slice(5, 10) : text.slice(11, 16);
    };
    const plot = new uPlot({
      ...size(),
      legend: {show: false},
      tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), 'UTC'),
      axes: [{...axis, space: 70, values: (_, splits) => splits.map((stamp) => clock(stamp))}, {...axis, size: 44}],
      scales: {y: {range: (_, low, high) => [0, Math.max(high, 1)]}},
      series: [{}, ...sums.map((one) => ({label: one.label, stroke: one.colour, width: 2, fill: `${one.colour}22`, points: {show: false}}))],
      hooks: {setCursor: [(chart) => {
        const at = chart.cursor.idx;
        if (at == null) return;
        readout.textContent = `${clock(times[at], true)}: ${sums.map((one) => `${one.label} ${number.format(one.values[at])}`).join(', ')}`;
      }]},
    }, [times, ...sums.map((one) => one.values)], place);
    new ResizeObserver(() => plot.setSize(size())).observe(place);
  }
}
enhance();
