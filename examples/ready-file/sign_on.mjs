// Starts Rehearsal, signs on, asks who is in. Only Node itself.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const command = process.argv[2] ?? 'rehearsal';
const readyFile = join(mkdtempSync(join(tmpdir(), 'rehearsal-')), 'ready.json');
const parties = spawn(command, ['up', '--ready-file', readyFile], { stdio: 'ignore' });
const cookies = new Map();

// Opens an address with this browser's cookies, and follows redirects.
async function open(url, fields) {
  let body = fields && new URLSearchParams(fields);
  for (;;) {
    const host = new URL(url).host;
    const jar = [...(cookies.get(host) ?? new Map())].map(([name, value]) => `${name}=${value}`);
    const answer = await fetch(url, {
      method: body ? 'POST' : 'GET', body, redirect: 'manual', headers: { cookie: jar.join('; ') },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const at = pair.indexOf('=');
      if (!cookies.has(host)) cookies.set(host, new Map());
      cookies.get(host).set(pair.slice(0, at), pair.slice(at + 1));
    }
    const location = answer.headers.get('location');
    if (!location) return { url, text: await answer.text() };
    url = new URL(location, url).href;
    body = undefined;
  }
}

const unescape = (text) => text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, it) =>
  ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'" })[it]);
const attribute = (tag, name) => unescape(tag.match(new RegExp(`${name}="([^"]*)"`))?.[1] ?? '');

// The first form of a page: its action and its fields.
function form({ url, text }) {
  const [tag] = text.match(/<form[^>]*>/);
  const fields = {};
  for (const [input] of text.matchAll(/<input[^>]*>/g)) fields[attribute(input, 'name')] = attribute(input, 'value');
  return { action: new URL(attribute(tag, 'action'), url).href, fields };
}

try {
  while (!existsSync(readyFile)) {
    if (parties.exitCode !== null) throw new Error('rehearsal up ended before it was ready');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const ready = JSON.parse(readFileSync(readyFile, 'utf8'));
  const { username, password } = ready.idp.sso_login;
  const login = form(await open(`${ready.sp.sso_start_url}?email=${encodeURIComponent(username)}`));
  const answer = form(await open(login.action, { ...login.fields, username, password }));
  await open(answer.action, answer.fields);
  const who = JSON.parse((await open(ready.sp.whoami_url)).text);
  console.log(who.email);
} finally {
  parties.kill();
}
