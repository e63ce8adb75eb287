// Draws one message, in the words of its phone: text with its marks, buttons, and the small line below.
import { element, icon, unseen } from "./element.js";

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote" };

// Entities count in UTF-16 units, as JavaScript does. Pieces between their edges get all marks that cover them.
function marked(text, entities) {
  const edges = new Set([0, text.length]);
  for (const one of entities) edges.add(one.offset).add(one.offset + one.length);
  const cuts = [...edges].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, index) => {
    const covering = entities.filter((one) => one.offset <= from && one.offset + one.length >= cuts[index + 1]);
    return covering.reduce((inner, one) => wrapped(one, inner), document.createTextNode(text.slice(from, cuts[index + 1])));
  });
}

function wrapped(entity, inner) {
  if (entity.type === "text_link" && /^https?:/.test(entity.url)) return outward(entity.url, inner);
  return TAGS[entity.type] ? element(TAGS[entity.type], {}, inner) : inner;
}

const outward = (url, ...inner) => element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...inner);

function button(message, one, press) {
  if (one.url) return element("a", { class: "key", href: one.url, target: "_blank", rel: "noopener noreferrer", dir: "auto" }, one.text, icon("link"));
  return element(
    "button",
    { class: "key", type: "button", dir: "auto", "data-data": one.data, onclick: (event) => press(event.currentTarget, message.id, one.data) },
    one.text,
  );
}

function below(message, words, edit) {
  return element(
    "footer",
    {},
    message.protected && element("span", { class: "lock", title: words.protected }, icon("lock"), unseen(words.protected)),
    message.mine && message.kind === "text" && element(
      "button",
      // By keyboard: ArrowUp in the empty text box, or the phone's menu. Tab goes from question to question.
      { class: "quiet", type: "button", tabindex: "-1", title: words.editOwn, onclick: () => edit(message) },
      icon("pen"),
      unseen(words.editOwn),
    ),
    message.edited && element("span", {}, words.edited),
    element("time", { datetime: message.sent }, words.time.format(new Date(message.sent))),
  );
}

export function drawMessage(message, words, { press, edit }) {
  const media = message.kind !== "text" && element(
    "p",
    { class: "media" },
    icon({ voice: "mic" }[message.kind] ?? message.kind),
    message.file ?? words.kinds[message.kind],
  );
  return element(
    "li",
    { class: message.mine ? "message mine" : "message", "data-id": message.id },
    element(
      "article",
      { class: "bubble" },
      media || null,
      message.text && element("p", { class: "text", dir: "auto" }, ...marked(message.text, message.entities)),
      below(message, words, edit),
    ),
    message.rows.length > 0 && element(
      "div",
      { class: "keys" },
      ...message.rows.map((row) => element("div", { class: "keyrow" }, ...row.map((one) => button(message, one, press)))),
    ),
  );
}
