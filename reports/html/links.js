// SPDX-License-Identifier: MIT
// Texts with links in them: reports/links.py says what is linked, and where to.

const linked = Object.fromEntries(Object.entries(data.links).map(([kind, links]) => [kind, {
  any: new RegExp(links.map(([pattern]) => `(?:${pattern})`).join("|"), "gu"),
  each: links.map(([pattern, address]) => [new RegExp(`^(?:${pattern})$`, "u"), address]),
}]));

const outside = (address, ...content) =>
  make("a", { href: address, rel: "noreferrer" }, ...content);

/** A text in pieces: strings and links. */
function withLinks(text, kind = "text") {
  const { any, each } = linked[kind];
  const parts = [];
  let last = 0;
  for (const { 0: name, index } of text.matchAll(any)) {
    const [pattern, address] = each.find(([it]) => it.test(name)) ?? [];
    parts.push(text.slice(last, index), pattern ? outside(name.replace(pattern, address.replace("$0", "$$&")), name) : name);
    last = index + name.length;
  }
  return [...parts, text.slice(last)].filter((it) => it !== "");
}
