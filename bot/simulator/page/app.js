// The page: a clock, tabs for narrow screens, and the phones.
import { element, unseen } from "./element.js";
import { PhoneView } from "./phone.js";
import { ask, listen } from "./server.js";
import { STRINGS } from "./strings.js";

const at = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const SECONDS = { m: 60, h: 3600, d: 86400 };

const page = { description: "", world: null, phones: new Map(), tabs: new Map(), shown: null };

function showClock({ now, movable }) {
  at("now").dateTime = now;
  at("now").textContent = clock.format(new Date(now));
  for (const control of document.querySelectorAll(".clock button, .clock input")) {
    control.disabled = !movable;
    control.title = movable ? "" : STRINGS.clockFixed;
  }
}

function showPhones(states, live) {
  for (const state of states) {
    const known = page.phones.get(state.id);
    if (!known) addPhone(state);
    else announce(state, known.show(state, live));
  }
  at("nobody").hidden = page.phones.size > 0;
}

function announce(state, fresh) {
  for (const message of fresh) {
    at("news").append(element("p", { dir: "auto" }, STRINGS.from(state.name, message.text || STRINGS.kinds[message.kind])));
  }
  while (at("news").children.length > 20) at("news").firstChild.remove();
  if (fresh.length && page.shown !== state.id) page.tabs.get(state.id).classList.add("unread");
}

function addPhone(state) {
  const view = new PhoneView(state, page);
  page.phones.set(state.id, view);
  at("phones").append(view.root);
  const tab = element("button", { type: "button", onclick: () => view.root.scrollIntoView({ inline: "start", block: "nearest" }) }, state.name, element("i", {}, unseen(STRINGS.unread)));
  page.tabs.set(state.id, tab);
  at("tabs").append(tab);
  watcher.observe(view.root);
  if (page.shown === null) showTab(state.id);
}

function showTab(id) {
  page.shown = id;
  for (const [other, tab] of page.tabs) {
    tab.setAttribute("aria-current", String(other === id));
    if (other === id) tab.classList.remove("unread");
  }
}

// The tab follows what is in view, however one got there.
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) showTab(Number(entry.target.id.slice("phone-".length)));
  },
  { root: at("phones"), threshold: 0.6 },
);

function restart() {
  for (const view of page.phones.values()) view.root.remove();
  at("tabs").replaceChildren();
  page.phones.clear();
  page.tabs.clear();
  page.shown = null;
}

function show(state, live) {
  page.description = state.bot.description;
  showClock(state);
  showPhones(state.phones, live);
  for (const view of page.phones.values()) view.setCommands(state.commands);
}

// "90 min", "1 h 30 min", "2 days"; a bare number means minutes.
function secondsOf(text) {
  const parts = [...text.toLowerCase().matchAll(/(\d+)\s*([a-z]*)/g)];
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit[0] ?? "m"] ?? NaN), 0);
  return parts.length && total > 0 ? total : null;
}

function setUpClock() {
  at("steps").setAttribute("aria-label", STRINGS.steps);
  for (const [seconds, label] of Object.entries(STRINGS.stepNames)) {
    at("steps").append(element("button", { type: "button", onclick: () => ask("clock", { seconds: Number(seconds) }) }, label));
  }
  at("jump-by").placeholder = STRINGS.jumpHint;
  at("jump").addEventListener("submit", async (event) => {
    event.preventDefault();
    const seconds = secondsOf(at("jump-by").value);
    at("jump-error").textContent = seconds ? "" : STRINGS.jumpWrong;
    if (!seconds) return;
    try {
      await ask("clock", { seconds });
    } catch (error) {
      at("jump-error").textContent = error.message;
    }
  });
}

function setUpAdding() {
  const box = document.querySelector(".add");
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.open = false;
    box.querySelector("summary").focus();
  });
  at("add").addEventListener("submit", async (event) => {
    event.preventDefault();
    at("add-error").textContent = "";
    try {
      const { id } = await ask("phones", { link: at("add-link").value, name: at("add-name").value.trim() || STRINGS.newPhone });
      event.target.reset();
      box.open = false;
      setTimeout(() => at(`phone-${id}`)?.querySelector(".banner button")?.focus(), 300);
    } catch (error) {
      at("add-error").textContent = error.message;
    }
  });
}

// A menu closes when one goes on elsewhere, by pointer or by keyboard.
for (const gone of ["pointerdown", "focusin"]) {
  document.addEventListener(gone, (event) => {
    for (const open of document.querySelectorAll("details[open]")) if (!open.contains(event.target)) open.open = false;
  });
}

for (const node of document.querySelectorAll("[data-text]")) node.textContent = STRINGS[node.dataset.text];
at("tabs").setAttribute("aria-label", STRINGS.phones);
at("connection").textContent = STRINGS.reconnecting;
setUpClock();
setUpAdding();
listen({
  all(state) {
    if (page.world !== state.world) restart();
    page.world = state.world;
    show(state, false);
  },
  some: (state) => show(state, true),
  connected: (is) => { at("connection").hidden = is; },
});
