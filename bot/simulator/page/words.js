// A phone's own words and the way it writes times: those of the language its person has set in Telegram.
const TABLES = await (await fetch("/page/phone_strings.json")).json();
const SAME = { no: "nb", nn: "nb" };

// "de-AT" gives German; a language without a table gives English, its dates too.
export function wordsFor(language) {
  const base = language.toLowerCase().split(/[-_]/)[0];
  const wanted = SAME[base] ?? base;
  const lang = Object.hasOwn(TABLES, wanted) ? wanted : "en";
  const table = TABLES[lang];
  // As the bot writes them: English dates are British, digits are Western in Arabic too.
  const format = (parts) => new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { numberingSystem: "latn", ...parts });
  const named = (key) => (name) => table[key].replace("{name}", () => name);
  return {
    ...table,
    lang,
    more: named("more"),
    commands: named("commands"),
    writeFor: named("writeFor"),
    chat: named("chat"),
    role: (role) => (Object.hasOwn(table.roles, role) ? table.roles[role] : role),
    day: format({ weekday: "long", day: "numeric", month: "long" }),
    time: format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  };
}
