// One phone: its head, its chat and its text box. It is given whole states and works out what changed.
import { element, icon, unseen } from "./element.js";
import { drawMessage } from "./message.js";
import { ask } from "./server.js";
import { wordsFor } from "./words.js";

const GOING = 1600;
// For so long after a press the focus follows to what the bot says next; it may have to keep Telegram's pace.
const FOLLOWING = 5000;

export class PhoneView {
  constructor(state) {
    this.state = state;
    this.words = wordsFor(state.language);
    this.drawn = new Map();
    this.editing = null;
    this.atEnd = true;
    this.build();
    this.show(state, false);
  }

  build() {
    const { id, name, role } = this.state;
    const { lang, dir } = this.words;
    const shown = name.toLowerCase() === role.toLowerCase() ? "" : this.words.role(role);
    const label = shown ? `${name}, ${shown}` : name;
    this.chat = element("ol", { class: "chat", tabindex: "0", role: "list", "aria-label": this.words.chat(label) });
    this.chat.addEventListener("scroll", () => {
      this.atEnd = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 80;
    });
    new ResizeObserver(() => this.keepEnd()).observe(this.chat);
    this.banner = element("div", { class: "banner", hidden: true });
    this.toast = element("p", { class: "toast", role: "status", dir: "auto", hidden: true });
    this.commandList = element("div", { class: "commands", id: `commands-${id}`, hidden: true });
    this.input = element("textarea", { rows: "1", dir, maxlength: "4096", placeholder: this.words.write, "aria-label": this.words.writeFor(label) });
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("input", () => this.fit());
    this.slash = element(
      "button",
      { class: "round", type: "button", "aria-expanded": "false", "aria-controls": `commands-${id}`, onclick: () => this.toggleCommands() },
      icon("slash"),
      unseen(this.words.commands(label)),
    );
    this.composer = element(
      "form",
      { class: "composer", onsubmit: (event) => this.send(event) },
      this.slash,
      this.input,
      element("button", { class: "round primary" }, icon("send"), unseen(this.words.send)),
    );
    this.root = element(
      "section",
      { class: "phone", id: `phone-${id}`, lang, dir, "aria-label": label, "data-side": role === "participant" ? "participant" : "staff" },
      this.head(name, shown, label),
      this.chat,
      this.toast,
      this.banner,
      this.commandList,
      this.composer,
    );
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && this.closeCommands());
  }

  closeCommands() {
    if (this.commandList.hidden) return;
    const inside = this.commandList.contains(document.activeElement);
    this.toggleCommands(false);
    if (inside) this.slash.focus();
  }

  head(name, role, label) {
    const item = (text, drawing, act) => element("button", { type: "button", onclick: act }, icon(drawing), text);
    const send = (kind) => () => this.do("send", { kind });
    this.menu = element(
      "details",
      { class: "menu" },
      element("summary", { class: "round" }, icon("more"), unseen(this.words.more(label))),
      element(
        "div",
        { class: "card" },
        item(this.words.voice, "mic", send("voice")),
        item(this.words.photo, "photo", send("photo")),
        item(this.words.sticker, "sticker", send("sticker")),
        item(this.words.editLast, "pen", () => setTimeout(() => this.editLast())),
        item(this.words.block, "lock", () => this.do("block", { blocked: true })),
      ),
    );
    this.menu.addEventListener("click", (event) => event.target.closest(".card") && this.closeMenu());
    this.menu.addEventListener("keydown", (event) => event.key === "Escape" && this.closeMenu());
    const initials = name.split(/[^\p{L}\p{N}-]+/u).filter(Boolean).map((word) => [...word][0]).slice(0, 2).join("").toUpperCase();
    return element(
      "header",
      { class: "head" },
      element("span", { class: "face", "aria-hidden": "true" }, initials),
      element(
        "div",
        { class: "who" },
        element("h2", {}, element("bdi", {}, name)),
        role && element("p", { class: "role" }, role),
      ),
      this.menu,
    );
  }

  closeMenu() {
    this.menu.open = false;
    this.menu.querySelector("summary").focus();
  }

  show(state, live) {
    const before = this.state;
    this.state = state;
    const held = this.heldFocus();
    const fresh = this.drawMessages(state.messages, live);
    this.drawBanner();
    this.setCommands(state.commands);
    if (fresh.length) this.atEnd = true;
    this.keepEnd();
    if (!this.follow(fresh)) this.restoreFocus(held);
    if (live && state.answer && state.answer.number !== before.answer?.number) this.showToast(state.answer.text);
    return fresh.filter((message) => !message.mine);
  }

  // Who reads the end goes on reading the end, when messages come and when the phone gets narrower.
  keepEnd() {
    if (this.atEnd) this.chat.scrollTop = this.chat.scrollHeight;
  }

  drawMessages(messages, live) {
    const present = new Set(messages.map((message) => message.id));
    for (const [id, { node }] of this.drawn) {
      if (present.has(id)) continue;
      this.drawn.delete(id);
      live ? this.vanish(node) : node.remove();
    }
    const fresh = [];
    for (const message of messages) {
      const key = JSON.stringify(message);
      const known = this.drawn.get(message.id);
      if (known?.key === key) continue;
      const node = drawMessage(message, this.words, { press: (...given) => this.press(...given), edit: (one) => this.edit(one) });
      if (known) {
        node.classList.add("changed");
        known.node.replaceWith(node);
      } else {
        if (live) node.classList.add("fresh");
        this.daySeparator(message);
        this.chat.append(node);
        fresh.push(message);
      }
      this.drawn.set(message.id, { key, node });
    }
    return fresh;
  }

  daySeparator(message) {
    const text = this.words.day.format(new Date(message.sent));
    if (text === this.lastDay) return;
    this.lastDay = text;
    this.chat.append(element("li", { class: "day" }, element("span", {}, text)));
  }

  vanish(node) {
    const mark = element("li", { class: node.classList.contains("mine") ? "gone mine" : "gone" }, this.words.deleted);
    node.replaceWith(mark);
    setTimeout(() => mark.remove(), GOING);
  }

  // A press redraws the message it sits in: the keyboard's user stays where they were.
  heldFocus() {
    const focused = document.activeElement;
    const node = focused?.closest?.("li.message");
    if (!node || !this.chat.contains(node)) return null;
    const keys = [...node.querySelectorAll(".key")];
    return { id: Number(node.dataset.id), data: focused.dataset.data, index: keys.indexOf(focused) };
  }

  restoreFocus(held) {
    if (!held || this.chat.contains(document.activeElement)) return;
    const same = this.drawn.get(held.id)?.node;
    const keys = [...(same?.querySelectorAll(".key") ?? [])];
    const newest = [...this.chat.querySelectorAll("li.message:has(.key)")].at(-1)?.querySelector(".key");
    const again = keys.find((key) => key.dataset.data === held.data) ?? keys[held.index] ?? newest ?? this.chat;
    again.focus({ preventScroll: true });
  }

  // After a press Enter goes on with the bot's next question, unless one has gone elsewhere meanwhile.
  follow(fresh) {
    const asks = fresh.filter((message) => !message.mine && message.rows.length).at(-1);
    const here = document.activeElement === document.body || this.chat.contains(document.activeElement);
    if (!asks || !here || Date.now() - (this.pressedAt ?? 0) > FOLLOWING) return false;
    this.drawn.get(asks.id).node.querySelector(".key").focus({ preventScroll: true });
    return true;
  }

  drawBanner() {
    const { started, blocked, invitation } = this.state;
    const closed = !started || blocked;
    this.composer.hidden = closed;
    if (closed) this.commandList.hidden = true;
    const key = `${started} ${blocked} ${invitation}`;
    if (this.bannerKey === key) return;
    const had = this.banner.contains(document.activeElement);
    this.bannerKey = key;
    this.banner.replaceChildren();
    this.banner.hidden = !closed && !invitation;
    if (blocked) this.offer(this.words.blocked, this.words.unblock, () => this.do("block", { blocked: false }));
    else if (invitation) this.offer(started ? "" : this.words.invited, this.words.openInvitation, () => this.do("start", { link: invitation }));
    else if (!started) this.offer(this.words.notStarted, this.words.start, () => this.do("start", {}));
    if (had && !closed) this.input.focus();
  }

  offer(text, label, act) {
    const about = this.state.description;
    if (!this.state.started && about) this.banner.append(element("p", { class: "about", dir: "auto" }, about));
    if (text) this.banner.append(element("p", {}, text));
    this.banner.append(element("button", { class: "primary wide", type: "button", onclick: act }, label));
  }

  async do(control, body) {
    try {
      await ask(`phones/${this.state.id}/${control}`, body);
    } catch (error) {
      this.showToast(`${this.words.failed}: ${error.message}`);
    }
  }

  async press(key, messageId, data) {
    key.classList.add("pressed");
    this.pressedAt = Date.now();
    await this.do("press", { message_id: messageId, data });
    setTimeout(() => key.classList.remove("pressed"), 400);
  }

  edit(message) {
    this.editing = message.id;
    this.input.value = message.text;
    this.composer.classList.add("editing");
    this.showToast(this.words.editing);
    this.fit();
    this.input.focus();
  }

  editLast() {
    const own = this.state.messages.filter((message) => message.mine && message.kind === "text").at(-1);
    own ? this.edit(own) : this.showToast(this.words.editNone);
  }

  endEditing() {
    this.editing = null;
    this.input.value = "";
    this.composer.classList.remove("editing");
    this.fit();
  }

  onKey(event) {
    if (event.key === "Escape" && this.editing) this.endEditing();
    if (event.key === "ArrowUp" && !this.input.value && !this.editing) {
      event.preventDefault();
      this.editLast();
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.composer.requestSubmit();
    }
  }

  fit() {
    this.input.dir = this.input.value ? "auto" : this.words.dir; // empty, "auto" would put the placeholder on the left
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 120)}px`;
  }

  async send(event) {
    event.preventDefault();
    const text = this.input.value;
    if (!text.trim()) return;
    const edited = this.editing;
    this.endEditing();
    await (edited ? this.do("edit", { message_id: edited, text }) : this.do("write", { text }));
  }

  setCommands(commands) {
    const key = JSON.stringify(commands);
    if (key === this.commandsKey) return;
    this.commandsKey = key;
    this.slash.hidden = commands.length === 0;
    this.commandList.replaceChildren(
      ...commands.map((one) => element(
        "button",
        { type: "button", onclick: () => this.command(one.command) },
        element("b", {}, element("bdi", { dir: "ltr" }, `/${one.command}`)),
        element("span", { dir: "auto" }, one.description),
      )),
    );
  }

  toggleCommands(open = this.commandList.hidden) {
    this.commandList.hidden = !open;
    this.slash.setAttribute("aria-expanded", String(open));
    if (open) this.commandList.querySelector("button")?.focus();
  }

  command(name) {
    this.toggleCommands(false);
    this.input.focus();
    this.do("write", { text: `/${name}` });
  }

  showToast(text) {
    clearTimeout(this.toastTimer);
    this.toast.textContent = text;
    this.toast.hidden = false;
    this.toastTimer = setTimeout(() => { this.toast.hidden = true; }, 4000);
  }
}
