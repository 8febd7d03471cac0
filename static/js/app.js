// Theme, keys, menus, copying, and the question before what can't be undone. Pages work without it.

const store = {
  get(name, otherwise) {
    try {
      return localStorage.getItem(name) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      /* private window: the choice lasts for this page */
    }
  },
};

const themes = ["auto", "light", "dark"];
const themeButton = document.getElementById("theme");

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  themeButton.title = `Theme: ${name}`;
  store.set("mc.theme", name);
}

function nextTheme() {
  setTheme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]);
}

themeButton.hidden = false;
themeButton.title = `Theme: ${document.documentElement.dataset.theme}`;
themeButton.addEventListener("click", nextTheme);

// Ask before a form that says it wants to be asked about.
const dialog = document.getElementById("confirm");

export function ask(title, text, button) {
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  const yes = dialog.querySelector('[value="yes"]');
  yes.textContent = button;
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
    dialog.returnValue = "";
    dialog.showModal();
  });
}

for (const button of dialog.querySelectorAll("button")) {
  button.addEventListener("click", () => dialog.close(button.value));
}

export function addField(form, name, value) {
  const field = form.querySelector(`input[name="${name}"]`) ?? document.createElement("input");
  field.type = "hidden";
  field.name = name;
  field.value = value;
  form.append(field);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.confirm || form.querySelector('input[name="confirm"]')) {
    return;
  }
  event.preventDefault();
  closeMenus();
  if (await ask(form.dataset.confirmTitle, form.dataset.confirm, form.dataset.confirmButton)) {
    addField(form, "confirm", "yes");
    form.requestSubmit();
  }
});

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) {
      menu.open = false;
    }
  }
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));

for (const toast of document.querySelectorAll(".toast:not(.toast-error)")) {
  setTimeout(() => toast.remove(), 8000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
    button.title = "Copied";
  }
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
}

// Keys: never in an input, never with a modifier, never something that can't be undone.
const places = { o: "/", j: "/jobs/", f: "/jobs/failed", s: "/servers/", a: "/audit/" };
let goingTo = false;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    closeMenus();
    document.getElementById("nav-open").checked = false;
    return;
  }
  if (event.target.closest("input, select, textarea, [contenteditable]") || dialog.open) {
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  if (goingTo && places[event.key]) {
    location.href = places[event.key];
  } else if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search").focus();
  } else if (event.key === "?") {
    location.href = "/help";
  } else if (event.key === "t") {
    nextTheme();
  } else if (event.key === "l") {
    document.dispatchEvent(new CustomEvent("mc:toggle-live"));
  }
  goingTo = event.key === "g";
});

export { store };
