// The mail box: what went out by e-mail, newest last. Nobody answers here.
import { element, icon } from "./element.js";
import { STRINGS } from "./strings.js";

const time = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export class MailView {
  constructor() {
    this.drawn = 0;
    this.nothing = element("li", { class: "day" }, element("span", {}, STRINGS.mailNone));
    this.list = element("ol", { class: "chat", tabindex: "0", role: "list", "aria-label": STRINGS.mailList }, this.nothing);
    this.root = element(
      "section",
      { class: "phone mail", id: "phone-mail", "aria-label": STRINGS.mail, "data-side": "staff" },
      element(
        "header",
        { class: "head" },
        element("span", { class: "face", "aria-hidden": "true" }, icon("mail")),
        element("div", { class: "who" }, element("h2", {}, STRINGS.mail), element("p", { class: "role" }, STRINGS.mailAbout)),
      ),
      this.list,
    );
  }

  // Mails only ever come; each has a number, so that a lost event does no harm. Gives those that are new.
  show(mails) {
    const fresh = mails.filter((mail) => mail.number > this.drawn);
    if (!fresh.length) return [];
    this.drawn = fresh.at(-1).number;
    this.nothing.remove();
    this.list.append(...fresh.map(drawMail));
    this.list.scrollTop = this.list.scrollHeight;
    return fresh.map((mail) => ({ text: mail.subject }));
  }
}

function drawMail({ sent, to, subject, text }) {
  return element(
    "li",
    { class: "letter" },
    element("p", { class: "to" }, STRINGS.mailFor(to)),
    element("h3", { dir: "auto" }, subject),
    element("p", { class: "text", dir: "auto" }, text),
    element("time", { datetime: sent }, time.format(new Date(sent))),
  );
}
