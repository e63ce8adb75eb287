// The page: a clock, tabs for narrow screens, the phones, and the mail box where there is one.
import { element, unseen } from "./element.js";
import { MailView } from "./mail.js";
import { PhoneView } from "./phone.js";
import { ask, listen } from "./server.js";
import { STRINGS } from "./strings.js";

const at = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const MAIL = "mail";
// The mail box stands beside the first phones, where it is in view on a wide screen.
const MAIL_AFTER = 3;
const LONGEST_JUMP = 366 * 86400;
const SECONDS = { m: 60, h: 3600, d: 86400 };

const page = { world: null, phones: new Map(), tabs: new Map(), visible: new Set() };

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
  const words = page.phones.get(state.id).words;
  for (const message of fresh) {
    const text = STRINGS.from(state.name, message.text || words?.kinds[message.kind]);
    at("news").append(element("p", { dir: "auto", lang: words?.lang }, text));
  }
  while (at("news").children.length > 20) at("news").firstChild.remove();
  if (fresh.length && !page.visible.has(state.id)) page.tabs.get(state.id).classList.add("unread");
}

function addPhone(state) {
  const title = state.name === state.role ? state.name : `${state.name}, ${state.role}`;
  addCard(state.id, new PhoneView(state), state.name, title);
}

function showMail(mails) {
  if (!mails) return;
  const known = page.phones.get(MAIL);
  if (known) {
    announce({ id: MAIL, name: STRINGS.mail }, known.show(mails));
    return;
  }
  const view = new MailView();
  const beside = [...page.phones.keys()][MAIL_AFTER];
  addCard(MAIL, view, STRINGS.mail, `${STRINGS.mail} ${STRINGS.mailAbout}`, beside);
  view.show(mails); // once it is in the page, as only there it can scroll to the newest
}

function addCard(id, view, name, title, before) {
  at("phones").insertBefore(view.root, page.phones.get(before)?.root ?? null);
  page.phones.set(id, view);
  const side = view.root.dataset.side;
  const tab = element(
    "button",
    { type: "button", title, "data-side": side, onclick: () => view.root.scrollIntoView({ inline: "start", block: "nearest" }) },
    element("span", { dir: "auto" }, name),
    element("i", {}, unseen(STRINGS.unread)),
  );
  at("tabs").insertBefore(tab, page.tabs.get(before) ?? (side === "participant" ? at("tabs").querySelector("[data-side=staff]") : null));
  page.tabs.set(id, tab);
  watcher.observe(view.root);
  markTabs();
}

function markTabs() {
  for (const [id, tab] of page.tabs) {
    tab.setAttribute("aria-current", String(page.visible.has(id)));
    if (page.visible.has(id)) tab.classList.remove("unread");
  }
  countAsides();
}

// How many phones lie outside the view on either side, wholly or in part.
function countAsides() {
  const box = at("phones").getBoundingClientRect();
  const sides = { before: 0, after: 0 };
  for (const { root } of page.phones.values()) {
    const { left, right } = root.getBoundingClientRect();
    if (left < box.left - 8) sides.before += 1;
    else if (right > box.right + 8) sides.after += 1;
  }
  for (const [side, count] of Object.entries(sides)) {
    at(side).hidden = count === 0;
    at(side).textContent = STRINGS[side](count);
    at("phones").classList.toggle(`more-${side}`, count > 0);
  }
  at("bar").classList.toggle("fits", sides.before + sides.after === 0);
}

// The tabs follow what is in view, however one got there.
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const [id] = [...page.phones].find(([, view]) => view.root === entry.target) ?? [];
      if (entry.isIntersecting && id) page.visible.add(id);
      else page.visible.delete(id);
    }
    markTabs();
  },
  { root: at("phones"), threshold: 0.6 },
);
at("phones").addEventListener("scroll", countAsides);
new ResizeObserver(countAsides).observe(at("phones"));
for (const [side, way] of [["before", -1], ["after", 1]]) {
  at(side).addEventListener("click", () => at("phones").scrollBy({ left: way * at("phones").clientWidth * 0.8 }));
}

function restart() {
  for (const view of page.phones.values()) view.root.remove();
  at("tabs").replaceChildren();
  page.phones.clear();
  page.tabs.clear();
  page.visible.clear();
  countAsides();
}

// Where the simulator's owner can invite, a role is enough for a new phone.
function showInviting(inviting) {
  const key = JSON.stringify(inviting);
  if (key === page.inviting) return;
  page.inviting = key;
  at("add-invite").hidden = !inviting;
  at("add-link").required = !inviting;
  at("add-link-label").textContent = inviting ? STRINGS.addLinkInstead : STRINGS.addLink;
  const options = (values) => (values ?? []).map((value) => element("option", { value }, value.replaceAll("_", " ")));
  at("add-role").replaceChildren(...options(inviting?.roles));
  at("add-language").replaceChildren(...options(inviting?.languages));
}

function show(state, live) {
  showClock(state);
  showInviting(state.inviting);
  showPhones(state.phones, live);
  showMail(state.mails);
}

// "90 min", "1 h 30 min", "2 days"; a bare number means minutes.
function secondsOf(text) {
  const parts = [...text.toLowerCase().matchAll(/(\d+)\s*([a-z]*)/g)];
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit[0] ?? "m"] ?? NaN), 0);
  return parts.length && total > 0 && total <= LONGEST_JUMP ? total : null;
}

function setUpClock() {
  at("steps").setAttribute("aria-label", STRINGS.steps);
  for (const [seconds, label] of Object.entries(STRINGS.stepNames)) {
    at("steps").append(element("button", { type: "button", onclick: () => ask("clock", { seconds: Number(seconds) }) }, label));
  }
  at("jump-by").placeholder = STRINGS.jumpHint;
  at("jump-by").addEventListener("input", () => { at("jump-error").textContent = ""; });
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
      const link = at("add-link").value.trim();
      const asked = link ? { link } : { role: at("add-role").value, language: at("add-language").value };
      const { id } = await ask("phones", { ...asked, name: at("add-name").value.trim() });
      event.target.reset();
      box.open = false;
      setTimeout(() => {
        at(`phone-${id}`)?.scrollIntoView({ inline: "end", block: "nearest" });
        at(`phone-${id}`)?.querySelector(".banner button")?.focus({ preventScroll: true });
      }, 300);
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
at("bar").setAttribute("aria-label", STRINGS.phones);
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
