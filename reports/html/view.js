// SPDX-License-Identifier: MIT
// A page of one kernel: what matters of it, without the other kernels.

const view = byId("view");
const TITLE = document.title;

/** Show the page of the kernel that the state names, or all kernels. */
function showView() {
  const kernel = kernelNamed(state.view);
  const key = state.view ? (kernel?.name ?? "?") : "";
  if (view.dataset.key === key) return;
  view.dataset.key = key;
  view.hidden = !state.view;
  document.body.classList.toggle("one", Boolean(state.view));
  document.title = kernel ? `landproof: Landlock on ${kernel.short}` : TITLE;
  view.replaceChildren(...(state.view ? [others(kernel), ...(kernel ? ofKernel(kernel) : stranger())] : []));
  if (!state.view) return;
  scrollTo(0, 0);
  byId("view-title").focus({ preventScroll: true });
}

/** The way back, and to each other kernel. */
function others(current) {
  const home = make("a", { href: `#${fragment({ ...CLOSED, view: "" })}`, data: { view: "" } }, "← All kernels");
  const rest = kernels.map((it) =>
    Object.assign(toView(it), { ariaCurrent: it === current ? "page" : null }));
  return make("nav", { aria: { label: "Kernels" } }, home, ...rest);
}

const toView = (kernel) =>
  make("a", { href: `#kernel=${encodeURIComponent(kernel.short)}`, data: { view: kernel.short } }, kernel.short);

const heading = (text) => make("h2", { id: "view-title", tabIndex: -1 }, text);

const stranger = () => [
  heading(`No kernel ${state.view} in these results`),
  make("p", {}, "It may be in those of another run. The kernels of this one are above."),
];

function ofKernel(kernel) {
  return [
    heading(`Landlock on ${kernel.short}`),
    make("p", { className: "lead" }, kernel.says),
    part("New: report it", newsOf(kernel)),
    part("Known bugs", bugsOf(kernel)),
    part("Other faults", restOf(kernel)),
    part("Areas", areasOf(kernel)),
    part("Skipped, and what would lift it", skipsOf(kernel)),
    part("Facts", kernel.lines.length && fields(kernel.lines)),
  ].filter(Boolean);
}

/** A part of the page; none if there is nothing in it. */
const part = (title, content) =>
  content && make("section", { aria: { label: title } }, make("h3", {}, title), content);

/** What nobody knows yet, with what shows it to others. */
function newsOf(kernel) {
  const found = news.filter((it) => it.places.includes(kernel.place));
  return found.length && make("div", {}, ...found.map((it) => make("div", { className: "new" },
    make("p", {}, make("span", { className: "impact bad" }, "new"), " ",
      make("strong", {}, it.title), " ", it.says),
    make("p", {}, make("code", {}, it.command)),
    folded(plural(it.cases.length, "case"), it.cases, kernel))));
}

/** What is wrong with it that is known, the worst first, and what mends it. */
function bugsOf(kernel) {
  const found = bugs.filter((bug) => bug.seen.has(kernel.place));
  const lines = found.map((bug) => {
    const { sure, where, cases: shown } = bug.seen.get(kernel.place);
    return make("tr", {},
      make("th", { scope: "row" }, make("span", { className: `impact ${bug.loud}` }, bug.impact),
        " ", make("strong", {}, bug.title), sure === "seen" ? "" : ` (${sure})`,
        make("small", {}, bug.says), folded(plural(shown.length, "case"), shown, kernel)),
      make("td", {}, ...withLinks(where, "bug")),
      make("td", { data: { label: "Until then" } }, bug.workaround),
      make("td", {}, ...Object.entries(bug.links).flatMap(([label, address]) =>
        [outside(address, label), " "])));
  });
  const heads = ["Bug", "Where it is fixed", "Until then", "More"];
  return lines.length && tableOf("Known bugs", heads, lines);
}

/** Faults that are neither new nor a known bug's: listed as known, or not the kernel's. */
function restOf(kernel) {
  const told = new Set([...bugs.flatMap((bug) => bug.seen.get(kernel.place)?.cases ?? []),
    ...news.filter((it) => it.places.includes(kernel.place)).flatMap((it) => it.cases)]);
  const fault = (it) => words[verdictOf(it, kernel.place)]?.fault;
  const found = cases.filter((it) => fault(it) && !told.has(it));
  return grouped(found, (it) => {
    const seen = observation(it, kernel.place);
    return `${words[seen.verdict].name}: ${(seen.known || seen.reason || "no reason given").split("\n")[0]}`;
  }, kernel);
}

function areasOf(kernel) {
  const lines = rows.map((row) => {
    const counts = count(row.cases, kernel.place);
    const said = say(counts);
    if (!said) return null;
    const each = counts.map((number, verdict) => number && `${number} ${words[verdict].name}`);
    return make("tr", {},
      make("th", { scope: "row" }, toRow(row, kernel, row.label)),
      make("td", {}, marked(said.word), " ", said.share),
      make("td", {}, each.filter(Boolean).join(", ")));
  }).filter(Boolean);
  return lines.length && tableOf("Areas", ["Area", "Worst", "Cases"], lines);
}

const toRow = (row, kernel, ...content) =>
  link({ row: row.key, kernel: kernel.short }, ...content);

function tableOf(title, heads, lines) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const table = make("table", { className: "plain" },
    make("thead", {}, head), make("tbody", {}, ...lines));
  nameParts(table, "table", "cell");
  table.ariaLabel = title;
  return make("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: title }, table);
}

function skipsOf(kernel) {
  const found = cases.filter((it) => words[verdictOf(it, kernel.place)]?.name === "skipped");
  const reason = (it) => observation(it, kernel.place).reason || "no reason given";
  return found.length && make("div", {},
    make("p", {}, kernel.lacks), grouped(found, reason, kernel));
}

/** Cases beneath what they have in common, the most frequent first. */
function grouped(found, common, kernel) {
  const groups = new Map();
  for (const it of found) {
    const key = common(it);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(it);
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return sorted.length && make("div", {}, ...sorted.map(([key, shown]) =>
    folded(key, shown, kernel, plural(shown.length, "case"))));
}

function folded(title, found, kernel, number = "") {
  return make("details", {},
    make("summary", {}, title, " ", make("small", { className: "count" }, number)),
    listOf(found, kernel));
}

const listOf = (found, kernel) =>
  make("ul", { className: "cases" }, ...found.map((it) =>
    make("li", {}, link({ case: it.id, kernel: kernel.short }, it.id))));
