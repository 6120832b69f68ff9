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
  const told = ([label]) => label === "Summary" || label === "Also";
  const facts = kernel.lines.filter((line) => !told(line));
  return [
    heading(`Landlock on ${kernel.short}`),
    ...kernel.lines.filter(told).map(([, text]) => make("p", { className: "lead" }, ...withLinks(text, "bug"))),
    part("Areas", areasOf(kernel)),
    part("Deviations and other faults", faultsOf(kernel)),
    part("Skipped, and what would lift it", skipsOf(kernel)),
    part("Facts", facts.length && fields(facts)),
  ].filter(Boolean);
}

/** A part of the page; none if there is nothing in it. */
const part = (title, content) =>
  content && make("section", { aria: { label: title } }, make("h3", {}, title), content);

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
  return lines.length && tableOf(["Area", "Worst", "Cases"], lines);
}

const toRow = (row, kernel, ...content) =>
  link({ row: row.key, kernel: kernel.short }, ...content);

function tableOf(heads, lines) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: heads[0] },
    make("table", { className: "plain" }, make("thead", {}, head), make("tbody", {}, ...lines)));
}

/** The faults of a kernel beneath their bugs; those without a known one first. */
function faultsOf(kernel) {
  const groups = new Map();
  for (const it of cases) {
    const seen = observation(it, kernel.place);
    if (!seen || !words[seen.verdict].fault) continue;
    if (!groups.has(seen.bug)) groups.set(seen.bug, []);
    groups.get(seen.bug).push(it);
  }
  const sorted = [...groups].sort(([a], [b]) => Boolean(a) - Boolean(b));
  return sorted.length && make("div", {}, ...sorted.map(([bug, found]) =>
    make("details", { open: !bug },
      make("summary", {}, bug ? bug.split(":", 1)[0] : "No known bug: new", " ",
        make("small", { className: "count" }, plural(found.length, "case"))),
      ...(bug ? [make("p", {}, ...withLinks(bug, "bug"))] : []),
      listOf(found, kernel))));
}

function skipsOf(kernel) {
  const groups = new Map();
  for (const it of cases) {
    const seen = observation(it, kernel.place);
    if (!seen || words[seen.verdict].name !== "skipped") continue;
    if (!groups.has(seen.reason)) groups.set(seen.reason, []);
    groups.get(seen.reason).push(it);
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return sorted.length && make("div", {}, ...sorted.map(([reason, found]) =>
    make("details", {},
      make("summary", {}, reason || "no reason given", " ",
        make("small", { className: "count" }, plural(found.length, "case"))),
      listOf(found, kernel))));
}

const listOf = (found, kernel) =>
  make("ul", { className: "cases" }, ...found.map((it) =>
    make("li", {}, link({ case: it.id, kernel: kernel.short }, it.id))));
