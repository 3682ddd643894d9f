// Small improvements; every page works without this script.
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
// Loads the address of the page again. `location.reload()` would send the form
// again whose answer the page is. While a form is being sent, its answer is the
// next page.
let sending = false;
addEventListener("submit", (event) => { sending = !event.defaultPrevented; });
addEventListener("pageshow", () => { sending = false; });
const loadAgain = () => {
  if (!sending) location.replace(location.pathname + location.search);
};
// Fetches a fragment of the page from the server. If the session has ended,
// loads the page again, which leads to the sign-in page.
const part = async (at, asking = {}) => {
  const answer = await fetch(at, { ...asking, headers: { "X-Fragment": "1" } });
  if (answer.status === 401) loadAgain();
  return answer.ok ? answer.text() : undefined;
};
// Shows the summary of a pasted certificate or metadata file at once. Requests
// may be faster than answers, and answers may arrive in any order: show only
// the one for the current content.
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
    } catch { /* aborted by a later request, or the server cannot be reached: saving shows the error again */ }
    if (mine === latest) said.innerHTML = text ?? "";
  });
}
for (const file of document.querySelectorAll("input[type=file][data-into]")) {
  file.addEventListener("change", async () => {
    const field = document.getElementById(file.dataset.into);
    const chosen = file.files[0];
    // A text area with megabytes of text blocks the browser, so send the
    // file instead.
    field.large = chosen.size > 1e6 ? chosen : undefined;
    field.value = field.large ? "" : await chosen.text();
    field.dispatchEvent(new Event("input"));
  });
}
// Repeats the look-up of the TXT record while a domain is not verified.
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
// Loads an open page again when the session ends or the user's access changes, so
// that nobody can continue to read it.
const access = document.body.dataset.access;
if (access) {
  setInterval(async () => {
    if (document.hidden) return;
    const now = await part("/session/access").catch(() => undefined);
    if (now !== undefined && now !== access) loadAgain();
  }, 2000);
}
addEventListener("hashchange", () => {
  const dialog = document.querySelector(".dialog:target input:not([type=hidden])");
  if (dialog) dialog.focus();
});
