(() => {
  "use strict";
  const bar = document.querySelector(".toolbar");
  const rows = [...document.querySelectorAll("[data-verdict]")];
  const groups = [...document.querySelectorAll("[data-group]")];
  const search = bar.querySelector("input");
  const buttons = [...bar.querySelectorAll("button[data-key]")];
  const clear = bar.querySelector(".clear");
  const output = bar.querySelector("output");
  const words = new Map();
  const opened = new Set();
  bar.hidden = rows.length === 0;

  const textOf = (row) => {
    // Not in messages: nearly every one has the words that people look for.
    if (!words.has(row)) {
      const text = document.createTreeWalker(row, NodeFilter.SHOW_TEXT, (node) =>
        node.parentElement.closest("details.exchange") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
      let found = "";
      while (text.nextNode()) found += ` ${text.currentNode.data.toLowerCase()}`;
      words.set(row, found);
    }
    return words.get(row);
  };

  const apply = () => {
    const wanted = new Map();
    for (const button of buttons) {
      if (button.getAttribute("aria-pressed") !== "true") continue;
      const { key, value } = button.dataset;
      wanted.set(key, (wanted.get(key) || new Set()).add(value));
    }
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = wanted.size > 0 || terms.length > 0;
    let shown = 0;
    for (const row of rows) {
      const chosen = [...wanted].every(([key, values]) => values.has(row.dataset[key]));
      row.hidden = !(chosen && terms.every((term) => textOf(row).includes(term)));
      if (!row.hidden && row.dataset.counted !== "no") shown += 1;
    }
    for (const group of groups) {
      group.hidden = active && !group.querySelector("[data-verdict]:not([hidden])");
      if (group.tagName !== "DETAILS") continue;
      if (active && !group.open) {
        group.open = true;
        opened.add(group);
      } else if (!active && opened.delete(group)) {
        group.open = false;
      }
    }
    clear.hidden = !active;
    const total = rows.filter((row) => row.dataset.counted !== "no").length;
    output.textContent = active ? `${shown} of ${total} ${output.dataset.rows} shown` : "";
  };

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!pressed));
      apply();
    });
  }
  search.addEventListener("input", apply);
  clear.addEventListener("click", () => {
    search.value = "";
    for (const button of buttons) button.setAttribute("aria-pressed", "false");
    apply();
    search.focus();
  });

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  // Browsers print a closed fold closed: findings are printed whole.
  addEventListener("beforeprint", () => {
    for (const row of document.querySelectorAll("details.row.fail")) row.open = true;
  });
})();
