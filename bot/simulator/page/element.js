// One way to make elements: text goes in as text, never as markup.
export function element(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

const DRAWINGS = {
  lock: "M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z",
  send: "M4 12 20 4l-5 16-3.5-6.5z",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  slash: "M15 4 9 20",
  mic: "M12 4a3 3 0 0 1 3 3v4a3 3 0 0 1-6 0V7a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v3",
  photo: "M4 6h16v12H4zM4 15l4-4 4 4 3-3 5 5",
  sticker: "M5 5h14v9l-5 5H5zM14 19v-5h5",
  document: "M7 4h7l4 4v12H7zM14 4v4h4",
  pen: "M5 19l1-4L16 5l3 3L9 18z",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6",
  link: "M9 15 17 7M11 7h6v6",
};

// A line drawing; the words beside it say what it means.
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", DRAWINGS[name]);
  svg.append(path);
  return svg;
}

export const unseen = (text) => element("span", { class: "unseen" }, text);
