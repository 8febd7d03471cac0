// Keeps the page up to date: asks for the same page again and takes over the parts marked data-live that changed.
// It never touches what somebody is using: a focused input, an open menu, checked rows, a selection of text.

import { store } from "./app.js";

const interval = document.getElementById("interval");
const text = document.getElementById("fresh");
const HEADER = "X-MC-Live";
const JITTER = 0.2;
const BACKOFF_MAX_SECONDS = 60;

let etag = null;
let seenAt = Date.now();
let failures = 0;
let timer = null;
let waiting = null;

document.querySelector(".fresh").hidden = false;
interval.value = store.get("mc.interval", "5");

function ago(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
}

function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-age]")) {
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    const shown = seconds >= 0 ? `${ago(seconds)} ago` : `in ${ago(-seconds)}`;
    if (time.textContent !== shown) {
      time.textContent = shown;
    }
  }
  const age = (now - seenAt) / 1000;
  const off = interval.value === "0";
  text.textContent = failures ? `stale: ${ago(age)} old` : age < 2 ? "just now" : `${ago(age)} ago`;
  text.classList.toggle("stale", failures > 0);
  text.classList.toggle("off", off);
}

function inUse(region) {
  const focused = document.activeElement;
  if (region.contains(focused) && focused.matches("input:not([type=checkbox]), select, textarea")) return true;
  if (region.querySelector("details.menu[open], input[name=id]:checked")) return true;
  const selection = getSelection();
  return !selection.isCollapsed && region.contains(selection.anchorNode);
}

// Ages, tokens and nonces differ in every rendering: what counts is the rest.
function essence(node) {
  const copy = node.cloneNode(true);
  for (const time of copy.querySelectorAll("time[data-age]")) time.textContent = "";
  for (const token of copy.querySelectorAll("input[name=csrf_token]")) token.value = "";
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  return copy.outerHTML;
}

function rowIds(region) {
  return [...region.querySelectorAll("tr[data-row-id]")].map((row) => row.dataset.rowId).join();
}

function patchRows(old, fresh) {
  const rows = new Map([...old.querySelectorAll("tr[data-row-id]")].map((row) => [row.dataset.rowId, row]));
  for (const row of fresh.querySelectorAll("tr[data-row-id]")) {
    const present = rows.get(row.dataset.rowId);
    if (present && essence(present) !== essence(row) && !inUse(present)) present.replaceWith(row.cloneNode(true));
  }
}

function keepOpen(old, fresh) {
  const before = old.querySelectorAll("details:not(.menu)");
  fresh.querySelectorAll("details:not(.menu)").forEach((details, index) => {
    if (before[index]) details.open = before[index].open;
  });
  const boxes = old.querySelectorAll(".all-frames");
  fresh.querySelectorAll(".all-frames").forEach((box, index) => {
    if (boxes[index]) box.checked = boxes[index].checked;
  });
}

function takeOver(page, force = false) {
  const pending = document.querySelector(".pending");
  let held = false;
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${old.dataset.live}"]`);
    if (!fresh || essence(old) === essence(fresh)) continue;
    if ("ordered" in old.dataset && !force && inUse(old)) {
      patchRows(old, fresh);
      held = held || rowIds(old) !== rowIds(fresh);
    } else if (force || !inUse(old)) {
      keepOpen(old, fresh);
      old.replaceWith(document.adoptNode(fresh));
    }
  }
  if (pending) pending.hidden = !held;
  waiting = held ? page : null;
  document.dispatchEvent(new CustomEvent("mc:patched"));
}

async function refresh() {
  try {
    const headers = { [HEADER]: "1" };
    if (etag) headers["If-None-Match"] = etag;
    const answer = await fetch(location.href, { headers, credentials: "same-origin", redirect: "error", cache: "no-store" });
    if (answer.status === 200) {
      etag = answer.headers.get("ETag");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      takeOver(page);
    } else if (answer.status !== 304 && answer.status !== 404) {
      throw new Error(String(answer.status));
    }
    failures = 0;
    seenAt = Date.now();
  } catch {
    failures += 1;
  }
  tick();
  plan();
}

function plan() {
  clearTimeout(timer);
  const seconds = Number(interval.value);
  if (!seconds || document.hidden) return;
  const pause = Math.min(seconds * 2 ** Math.min(failures, 5), Math.max(BACKOFF_MAX_SECONDS, seconds));
  timer = setTimeout(refresh, pause * 1000 * (1 + (Math.random() - 0.5) * JITTER));
}

interval.addEventListener("change", () => {
  store.set("mc.interval", interval.value);
  tick();
  plan();
});
document.addEventListener("mc:toggle-live", () => {
  interval.value = interval.value === "0" ? "5" : "0";
  interval.dispatchEvent(new Event("change"));
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && interval.value !== "0") refresh();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-pending]") && waiting) takeOver(waiting, true);
});

// A form that was answered with a page of its own (an edit with errors) is not there to be refreshed.
if (!document.querySelector("form.form")) {
  setInterval(tick, 1000);
  tick();
  plan();
} else {
  document.querySelector(".fresh").hidden = true;
}
