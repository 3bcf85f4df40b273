// Watches a check: findings appear as they are made, and the report when it is done. Without this file the page looks
// again by itself.
const run = document.getElementById('run');
const base = document.body.dataset.base || '';
const kLookAgainMs = 4000;

function showFinding(finding) {
  const item = document.createElement('li');
  item.className = `finding f-${finding.outcome}`;
  const head = document.createElement('div');
  const badge = document.createElement('span');
  badge.className = `badge b-${finding.outcome}`;
  badge.textContent = finding.outcome.replace('_', ' ');
  const title = document.createElement('b');
  title.textContent = finding.title;
  const subject = document.createElement('span');
  subject.className = 'dim';
  subject.textContent = finding.subject;
  head.append(badge, ' ', title, ' ', subject);
  item.append(head);
  for (const key of ['evidence', 'fix']) {
    if (!finding[key]) continue;
    const line = document.createElement('p');
    line.className = key;
    line.textContent = finding[key];
    item.append(line);
  }
  document.getElementById('findings').append(item);
}

if (run && window.EventSource) {
  const events = new EventSource(`${base}/api/check/${run.dataset.events}`);
  // Each connection is told everything from the beginning
  events.addEventListener('open', () => document.getElementById('findings').replaceChildren());
  events.addEventListener('error', () => {
    // What was refused is not tried again by the browser: the page is, which shows what there is
    if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), kLookAgainMs);
  });
  events.addEventListener('finding', (event) => showFinding(JSON.parse(event.data)));
  events.addEventListener('progress', (event) => {
    const data = JSON.parse(event.data);
    const bar = document.getElementById('progress');
    bar.max = Math.max(data.total, 1);
    bar.value = data.done;
    document.getElementById('step').textContent = data.state === 'waiting' ? 'waiting for its turn' : data.step || 'begun';
  });
  events.addEventListener('done', () => {
    events.close();
    location.reload();
  });
}
