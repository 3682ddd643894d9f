// A little help; every page works without it.
"use strict";
document.body.classList.add("js");
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.copy));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Press Ctrl+C";
    }
  });
}
for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
// A part of the page, from the server. A session that has ended meanwhile ends
// the page too: loaded again, it leads to the sign-in.
const part = async (at, asking = {}) => {
  const answer = await fetch(at, { ...asking, headers: { "X-Fragment": "1" } });
  if (answer.status === 401) location.reload();
  return answer.ok ? answer.text() : undefined;
};
// What a pasted certificate or metadata file was understood as, at once. Keys
// and pastes ask faster than answers come, and answers come in any order: only
// the one about what stands there now is shown.
for (const field of document.querySelectorAll("[data-understood]")) {
  const said = document.getElementById(field.dataset.understood);
  let latest;
  field.addEventListener("input", async (event) => {
    if (event.isTrusted) field.large = undefined;
    latest?.abort();
    const mine = latest = new AbortController();
    const sent = { csrf: field.form.elements.csrf.value, field: field.name };
    let body = new URLSearchParams({ ...sent, [field.name]: field.value });
    if (field.large) {
      body = new FormData();
      for (const name in sent) body.set(name, sent[name]);
      body.set(field.name, field.large);
    }
    let text;
    try {
      text = await part(field.dataset.at, { method: "POST", body, signal: mine.signal });
    } catch { /* given up for a later one, or the server is away: saving says it again */ }
    if (mine === latest) said.innerHTML = text ?? "";
  });
}
for (const file of document.querySelectorAll("input[type=file][data-into]")) {
  file.addEventListener("change", async () => {
    const field = document.getElementById(file.dataset.into);
    const chosen = file.files[0];
    // With megabytes in it a text area stands still: the form sends the file.
    field.large = chosen.size > 1e6 ? chosen : undefined;
    field.value = field.large ? "" : await chosen.text();
    field.dispatchEvent(new Event("input"));
  });
}
// The TXT record's look-up, live while a domain waits for it.
for (const live of document.querySelectorAll("[data-live]")) {
  const look = async () => {
    const text = await part(live.dataset.live).catch(() => undefined);
    if (text !== undefined) live.innerHTML = text;
  };
  const step = live.closest("details");
  if (step) {
    look();
    setInterval(() => { if (step.open && !document.hidden) look(); }, 5000);
  }
}
// A page held open ends with the session, or when its reader may see less than
// before: nobody de-provisioned goes on reading it.
const standing = document.body.dataset.standing;
if (standing) {
  setInterval(async () => {
    if (document.hidden) return;
    const now = await part("/session/standing").catch(() => undefined);
    if (now !== undefined && now !== standing) location.reload();
  }, 2000);
}
addEventListener("hashchange", () => {
  const dialog = document.querySelector(".dialog:target input:not([type=hidden])");
  if (dialog) dialog.focus();
});
