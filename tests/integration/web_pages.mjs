// Drives Chromium over the pages of a running server, for web_pages.test and for bench/web.py. The command is JSON in the first argument:
//   {"base", "chromium", "id", "shots": folder or null, "measure": path or null}
// Prints one JSON object: what was seen, for the caller to judge.
import {createRequire} from 'node:module';
import {connect} from 'node:net';
import {join} from 'node:path';

const require = createRequire(join(process.cwd(), 'web', 'package.json'));
const {chromium} = require('playwright-core');
const command = JSON.parse(process.argv[2]);
const browser = await chromium.launch({executablePath: command.chromium, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']});
const out = {problems: [], pages: {}};

async function open(options = {}) {
  const context = await browser.newContext({viewport: {width: 1280, height: 900}, ...options});
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) out.problems.push(`${page.url()}: ${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => out.problems.push(`${page.url()}: ${error.message}`));
  // Whatever is fetched from elsewhere is a fault
  page.on('request', (request) => {
    if (!request.url().startsWith(command.base) && !request.url().startsWith('data:')) out.problems.push(`fetched ${request.url()}`);
  });
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`)));
  return page;
}

// A session whose recipient is refused.
function refuse() {
  return new Promise((resolve, reject) => {
    const words = ['EHLO test.example.net', 'MAIL FROM:<you@example.net>', 'RCPT TO:<nobody@example.org>', 'QUIT'];
    const socket = connect(command.smtp, '::1');
    let text = '';
    socket.on('data', (data) => {
      text += data;
      const lines = text.split('\r\n');
      text = lines.pop();
      for (const line of lines) if (line[3] === ' ' && words.length) socket.write(`${words.shift()}\r\n`);
    });
    socket.on('close', resolve);
    socket.on('error', reject);
  });
}

async function measure(path) {
  const page = await open();
  const client = await page.context().newCDPSession(page);
  await client.send('Network.enable');
  let octets = 0;
  client.on('Network.loadingFinished', (event) => { octets += event.encodedDataLength; });
  const paints = [];
  for (let i = 0; i < 7; ++i) {
    octets = 0;
    await client.send('Network.clearBrowserCache');
    await page.goto(command.base + path, {waitUntil: 'load'});
    await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
    await page.waitForTimeout(300);
    paints.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
  }
  paints.sort((a, b) => a - b);
  return {first_paint_ms: paints[3], first_paint_best_ms: paints[0], octets};
}

const shots = [];
async function shot(page, name) {
  if (!command.shots) return;
  const path = join(command.shots, `${name}.png`);
  await page.screenshot({path});
  shots.push(path);
}

// What does not fit is a fault: nothing but tables scrolls sideways.
async function fits(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) out.problems.push(`${name}: ${wide} pixels too wide`);
}

// A column that is squeezed to a word a line, or a row that fills the screen: the table did not find its form.
async function squeezed(page, name, highest) {
  const found = await page.evaluate((limit) => {
    const bad = [];
    for (const row of document.querySelectorAll('main tbody tr')) {
      if (!row.checkVisibility()) continue;
      const height = row.getBoundingClientRect().height;
      if (height > limit) bad.push(`a row of ${Math.round(height)} pixels: ${row.textContent.slice(0, 60)}`);
      for (const cell of row.cells) {
        const words = cell.innerText.trim().split(/\s+/).length;
        const lines = Math.round(cell.getBoundingClientRect().height / parseFloat(getComputedStyle(cell).lineHeight));
        if (words >= 4 && lines >= words) bad.push(`${lines} lines for ${words} words: ${cell.innerText.slice(0, 60)}`);
      }
    }
    return bad;
  }, highest);
  for (const one of found.slice(0, 5)) out.problems.push(`${name}: ${one}`);
}

if (command.measure) {
  out.measured = await measure(command.measure);
} else {
  const themes = ['light', 'dark'];
  const sizes = {wide: {width: 1280, height: 900}, phone: {width: 390, height: 844}};
  for (const colorScheme of themes) {
    for (const [size, viewport] of Object.entries(sizes)) {
      const page = await open({colorScheme, viewport});
      for (const [name, path] of [['dashboard', '/?range=day'], ['why', `/why/${command.id}`], ['queue', '/queue'], ['memory', '/memory'], ['signals', '/signals'], ['backtest', '/backtest'], ['check', '/check']]) {
        await page.goto(command.base + path, {waitUntil: 'load'});
        if (name === 'signals') await page.waitForSelector('tbody tr', {timeout: 60000});  // it looks again by itself
        if (name === 'dashboard') {
          await page.waitForFunction(() => document.getElementById('live')?.textContent === 'Live.');
          if (command.plots) await page.waitForSelector('.u-wrap .uplot canvas');
        }
        await fits(page, `${name}-${size}-${colorScheme}`);
        await shot(page, `${name}-${size}-${colorScheme}`);
        out.pages[name] = {title: await page.title(), heading: await page.locator('h1').innerText(),
          landmarks: await page.evaluate(() => ['header', 'nav', 'main', 'footer'].every((one) => document.querySelector(one))),
          unlabelled: await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((one) => !one.labels?.length && !one.ariaLabel).length),
          text: (await page.locator('main').innerText()).slice(0, 20000)};
      }
      // A policy is replayed
      await page.goto(`${command.base}/backtest`);
      await page.fill('#policy', '[policy]\npreset = "none"\n[[policy.rule]]\nname = "brazil"\nwhen = "country == BR"\nthen = "reject"\n');
      await page.selectOption('#since', '7d');
      await page.click('main form button');
      await page.waitForSelector('main table tbody tr', {timeout: 60000});
      await fits(page, `replayed-${size}-${colorScheme}`);
      await shot(page, `replayed-${size}-${colorScheme}`);
      out.pages.replayed = {heading: await page.locator('h1').innerText(), text: (await page.locator('main').innerText()).slice(0, 20000)};
      // A check is watched to its end
      await page.goto(`${command.base}/check`);
      await page.fill('#domain', `${colorScheme}-${size}.example.org`);
      await page.press('#domain', 'Enter');
      await page.waitForURL('**/check/*');
      await page.waitForSelector('details.category, .notice.bad', {timeout: 60000});
      await fits(page, `report-${size}-${colorScheme}`);
      await shot(page, `report-${size}-${colorScheme}`);
      out.pages.report = {heading: await page.locator('h1').innerText(), text: await page.locator('main').innerText()};
      await page.context().close();
      // As the refused sender sees it: he does not come over loopback
      const sender = await open({colorScheme, viewport, extraHTTPHeaders: {'X-Forwarded-For': '192.0.2.1'}});
      await sender.goto(`${command.base}/why/${command.id}`);
      await fits(sender, `refused-${size}-${colorScheme}`);
      await shot(sender, `refused-${size}-${colorScheme}`);
      out.pages.refused = {heading: await sender.locator('h1').innerText(), text: await sender.locator('main').innerText()};
      await sender.context().close();
    }
  }
  for (const [width, highest] of [[360, 420], [1600, 120]]) {
    const page = await open({viewport: {width, height: 900}});
    for (const path of ['/?range=day', `/why/${command.id}`, '/queue', '/memory', '/signals']) {
      await page.goto(command.base + path, {waitUntil: 'load'});
      if (path === '/signals') await page.waitForSelector('tbody tr', {timeout: 60000});
      if (path.startsWith('/?')) await page.waitForSelector('#statistics section');
      await fits(page, `${path} at ${width}`);
      await squeezed(page, `${path} at ${width}`, highest);
      await shot(page, `${path.split(/[/?]/)[1] || 'dashboard'}-${width}`);
    }
    await page.context().close();
  }
  // A session that ends is seen in figures, charts and tables, whatever the range
  for (const range of ['day', 'week']) {  // an hour's oldest minute may leave it just then
    const page = await open();
    await page.goto(`${command.base}/?range=${range}`);
    await page.waitForFunction(() => document.getElementById('live')?.textContent === 'Live.');
    const seen = () => page.evaluate(() => ({
      sessions: document.querySelector('#tile-sessions b').textContent,
      refused: document.querySelector('#by-verdict .legend').textContent,
      cross: [...document.querySelectorAll('#cross tbody tr')].map((row) => [...row.querySelectorAll('td.n')].map((cell) => cell.textContent).join()).join(';'),
      figures: document.querySelector('#by-family details tbody').textContent,
      recent: document.querySelector('#recent tbody tr a').href,
    }));
    const before = await seen();
    await refuse();
    await page.waitForFunction((old) => document.querySelector('#tile-sessions b').textContent !== old, before.sessions, {timeout: 20000});
    await page.waitForFunction(() => document.getElementById('statistics').dataset.asOf !== '0');
    const after = await seen();
    for (const key of Object.keys(before)) if (before[key] === after[key]) out.problems.push(`${range}: ${key} is not live: ${before[key].slice(0, 80)}`);
    await page.context().close();
  }
  // What the page was given is not fetched once more
  {
    const page = await open();
    let again = 0;
    page.on('request', (request) => { if (request.url().includes('/dashboard/overview')) ++again; });
    await page.goto(`${command.base}/?range=month`);
    await page.waitForFunction(() => document.getElementById('live')?.textContent === 'Live.');
    await page.waitForTimeout(1000);
    if (again) out.problems.push(`the dashboard fetched what it had ${again} times`);
    await page.context().close();
  }
  // What was missed is made up for: pieces that were refused at first, and sessions that ended while nobody was told
  {
    const page = await open();
    const answers = [];  // of each, whether it was let through
    const gate = (route) => {
      answers.push(answers.length >= 2);
      return answers.length > 2 ? route.continue() : route.fulfill({status: 429, body: ''});
    };
    await page.route('**/dashboard/overview*', gate);
    if (command.plots) await page.route('**/api/history*', gate);
    await page.goto(`${command.base}/?range=month`);  // nothing of what was recorded leaves it meanwhile
    const shown = () => page.evaluate(() => document.querySelector('#tile-sessions b').textContent);
    const legend = () => page.evaluate(() => [...document.querySelectorAll('#by-family .legend b')].reduce((all, one) => all + Number(one.textContent.replace(/\D/g, '')), 0));
    const more = (old) => page.waitForFunction((text) => document.querySelector('#tile-sessions b').textContent !== text, old, {timeout: 30000});
    let before = await shown();
    await page.waitForFunction(() => document.getElementById('live')?.textContent === 'Live.');
    await refuse();
    await more(before);
    out.missed = {refused: answers.filter((let_through) => !let_through).length, first: [await shown(), await legend()]};
    before = await shown();
    await page.context().setOffline(true);
    await refuse();
    await refuse();
    await page.context().setOffline(false);
    await more(before);
    await page.waitForFunction((text) => Number(document.querySelector('#tile-sessions b').textContent.replace(/\D/g, '')) >= Number(text.replace(/\D/g, '')) + 2, before, {timeout: 30000});
    out.missed.second = [await shown(), await legend()];
    out.problems = out.problems.filter((one) => !/429|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED/.test(one));
    await page.context().close();
  }
  // Events that are refused end a browser's stream for good: the page looks again
  {
    const page = await open();
    let refused = 0;
    await page.route('**/events', (route) => (++refused === 1 ? route.abort('connectionrefused') : refused === 2 ? route.fulfill({status: 204, body: ''}) : route.continue()));
    await page.goto(`${command.base}/check/again.example.org`);
    await page.waitForSelector('details.category, .notice.bad', {timeout: 60000});
    out.looked_again = refused >= 2;
    out.problems = out.problems.filter((one) => !one.includes('again.example.org'));
    await page.context().close();
  }
  // A canvas has the colours of its theme, also when the theme changes
  if (command.plots) {
    const page = await open({colorScheme: 'light'});
    await page.goto(`${command.base}/?range=day`);
    await page.waitForSelector('#by-family .u-wrap .uplot canvas');
    const strokes = () => page.evaluate(() => {
      const canvas = document.querySelector('#by-family canvas');
      const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let dark = 0, bright = 0;  // of the axis' texts, which have no colour of their own
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 200) continue;
        if (data[i] + data[i + 1] + data[i + 2] < 380) ++dark; else ++bright;
      }
      return {dark, bright};
    });
    const light = await strokes();
    await page.emulateMedia({colorScheme: 'dark'});
    await page.waitForTimeout(500);
    out.theme = {light, dark: await strokes()};
    await page.context().close();
  }
  // The forms work as a browser sends them
  const operator = await open();
  await operator.goto(`${command.base}/queue`);
  await operator.click('button[value=hold], button:has-text("Hold")');
  out.held = await operator.locator('main .notice').first().innerText();
  await operator.goto(`${command.base}/why/${command.id}`);
  await operator.fill('#note', 'by hand');
  await operator.click('button[value=spam]');
  out.marked = await operator.locator('main .notice').first().innerText();
  // By keyboard alone: the first stop leads past the navigation, the focus is seen
  const page = await open();
  await page.goto(`${command.base}/queue`);
  await page.keyboard.press('Tab');
  const first = await page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press('Enter');
  out.keyboard = {first, main: await page.evaluate(() => document.activeElement.id)};
  await page.goto(`${command.base}/`);
  const stops = [];
  for (let i = 0; i < 8; ++i) {
    await page.keyboard.press('Tab');
    stops.push(await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return {text: document.activeElement.textContent.trim().slice(0, 30), outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2};
    }));
  }
  out.keyboard.stops = stops;
  // Without a script
  const still = await open({javaScriptEnabled: false});
  await still.goto(`${command.base}/?range=day`);
  out.still = {charts: await still.locator('svg.plot path').count(), rows: await still.locator('#recent tbody tr').count()};
  await still.goto(`${command.base}/check/still.example.org`);
  await still.waitForSelector('details.category, .notice.bad', {timeout: 60000});
  out.still.report = true;
  // From another site nothing is changed: the browser itself says where a form comes from
  const cookies = await page.context().cookies();
  out.cookies = cookies.length;
}
out.shots = shots;
await browser.close();
console.log(JSON.stringify(out));
