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
// What a pasted certificate or metadata file was understood as, at once.
for (const field of document.querySelectorAll("[data-understood]")) {
  const said = document.getElementById(field.dataset.understood);
  const ask = async () => {
    const body = new URLSearchParams(new FormData(field.form));
    body.set("field", field.name);
    const answer = await fetch(field.dataset.at, { method: "POST", body, headers: { "X-Fragment": "1" } });
    said.innerHTML = await answer.text();
  };
  field.addEventListener("input", ask);
}
for (const file of document.querySelectorAll("input[type=file][data-into]")) {
  file.addEventListener("change", async () => {
    const field = document.getElementById(file.dataset.into);
    field.value = await file.files[0].text();
    field.dispatchEvent(new Event("input"));
  });
}
// The TXT record's look-up, live while a domain waits for it.
for (const live of document.querySelectorAll("[data-live]")) {
  const look = async () => {
    const answer = await fetch(live.dataset.live, { headers: { "X-Fragment": "1" } });
    if (answer.ok) live.innerHTML = await answer.text();
  };
  const step = live.closest("details");
  if (step) {
    look();
    setInterval(() => { if (step.open && !document.hidden) look(); }, 5000);
  }
}
addEventListener("hashchange", () => {
  const dialog = document.querySelector(".dialog:target input:not([type=hidden])");
  if (dialog) dialog.focus();
});
