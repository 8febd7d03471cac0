// Job lists: checking rows, acting on them, and selects that write into the filter box.

import { addField, ask } from "./app.js";

const bulk = document.getElementById("bulk");

function boxes() {
  return [...document.querySelectorAll('input[name="id"]')];
}

function count() {
  if (!bulk) return;
  const checked = boxes().filter((box) => box.checked).length;
  bulk.hidden = checked === 0;
  bulk.querySelector("[data-checked]").textContent = checked;
  const all = document.querySelector("[data-check-all]");
  if (all) {
    all.checked = checked > 0 && checked === boxes().length;
    all.indeterminate = checked > 0 && checked < boxes().length;
  }
}

let last = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest('input[name="id"]');
  if (box) {
    const list = boxes();
    if (event.shiftKey && last && list.includes(last)) {
      const [from, to] = [list.indexOf(last), list.indexOf(box)].sort((a, b) => a - b);
      for (const between of list.slice(from, to + 1)) between.checked = box.checked;
    }
    last = box;
    count();
  }
  if (event.target.closest("[data-check-all]")) {
    for (const each of boxes()) each.checked = event.target.checked;
    count();
  }
  if (event.target.closest("[data-uncheck]")) {
    for (const each of boxes()) each.checked = false;
    count();
  }
});
document.addEventListener("mc:patched", count);

if (bulk) {
  bulk.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button?.dataset.bulk || bulk.dataset.asked) return;
    event.preventDefault();
    const checked = boxes().filter((box) => box.checked).length;
    const jobs = `${checked} ${checked === 1 ? "job" : "jobs"}`;
    const text = button.dataset.bulkText || "Jobs that are not in a state for it are left alone.";
    if (!button.dataset.bulkText && checked <= 10) {
      bulk.dataset.asked = "1";
    } else if (await ask(`${button.dataset.bulk} ${jobs}?`, text, `${button.dataset.bulk} ${jobs}`)) {
      bulk.dataset.asked = "1";
    }
    if (bulk.dataset.asked) {
      addField(bulk, "confirm", "yes");
      bulk.requestSubmit(button);
    }
  });
}

// A select replaces its own term in the filter, and leaves the others.
const filter = document.getElementById("filter");
if (filter) {
  const input = filter.querySelector('input[name="q"]');
  for (const select of filter.querySelectorAll("[data-term]")) {
    const term = new RegExp(`(^|\\s)${select.dataset.term}:\\S+`, "g");
    const present = input.value.match(new RegExp(`(?:^|\\s)${select.dataset.term}:(\\S+)`));
    if (present) select.value = present[1];
    select.addEventListener("change", () => {
      const rest = input.value.replace(term, " ").replace(/\s+/g, " ").trim();
      input.value = [rest, select.value && `${select.dataset.term}:${select.value}`].filter(Boolean).join(" ");
      filter.requestSubmit();
    });
  }
  filter.querySelector("#page-size").addEventListener("change", () => filter.requestSubmit());
}
count();
