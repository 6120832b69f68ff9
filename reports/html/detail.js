// SPDX-License-Identifier: MIT
// The drawer: all that is known of a case on a kernel, or of a row on a kernel.

const drawer = byId("detail");

/** Show what the state names, or nothing. */
function showDetail() {
  const kernel = kernelNamed(state.kernel);
  const it = cases.find((each) => each.id === state.case);
  const row = groupOf.get(state.row);
  if (!kernel || !(it || row)) {
    drawer.close();
    return;
  }
  const [title, ...content] = it ? ofCase(it, kernel) : ofRow(row, kernel);
  byId("detail-title").replaceChildren(title);
  byId("detail-body").replaceChildren(...content);
  if (!drawer.open) drawer.showModal();
  const calls = drawer.querySelector(".calls");
  const decided = calls?.querySelector("mark") ?? calls?.lastElementChild;
  if (calls) {
    const { top } = decided.getBoundingClientRect();
    calls.scrollTop += top - calls.getBoundingClientRect().top - calls.clientHeight / 2;
  }
  drawer.scrollTop = 0;
  byId("detail-title").focus();
}

function inspect(places) {
  const visit = !drawer.open;
  Object.assign(state, CLOSED, places);
  writeFragment({ visit });
  showDetail();
}

/** Back to the cell that was opened, or to that of what was last shown. */
function forget() {
  const row = state.case ? { case: cases.find((it) => it.id === state.case) } : { key: state.row };
  const kernel = kernelNamed(state.kernel);
  Object.assign(state, CLOSED);
  writeFragment();
  if (kernel) cellOf(row, kernel.place)?.focus();
}

const link = (places, ...content) =>
  make("a", { href: `#${fragment({ ...CLOSED, ...places })}` }, ...content);

function ofCase(it, kernel) {
  const seen = observation(it, kernel.place);
  const summary = make("p", { className: "lead" }, it.summary);
  const others = everywhere(it, kernel);
  if (!seen) return [it.id, summary, make("p", {}, `Did not run on ${kernel.short}.`), others];
  return [
    it.id,
    summary,
    verdictLine(words[seen.verdict], kernel),
    make("div", { className: "tiles" },
      tile("Expected", seen.expected || "not recorded", seen.clause),
      tile("Observed", seen.observed || "nothing", ""),
      tile("Control", seen.control || "none", "the same without Landlock")),
    fields([
      seen.bug && bugLine(seen.bug),
      ["Known", withLinks(seen.known, "listed")],
      ["Reason", seen.reason && make("pre", {}, seen.reason)],
      ["Calls", seen.calls.length && callsOf(seen)],
      ["Clauses", seen.clauses.length && clauses(seen)],
      ["Source", withLinks(it.source)],
      ["Covers", it.covers.map(feature).join(", ")],
      ["Answers", it.answers.length && behaviours(it)],
    ]),
    others,
  ];
}

function bugLine(bug) {
  const like = bug.startsWith("looks like ");
  return [like ? "Looks like" : "Known bug", withLinks(like ? bug.slice(11) : bug, "bug")];
}

/** Calls as they were made, a line each that wraps beneath itself; the last one that failed as was
 * observed is marked, since the rest is often clearing away. */
function callsOf({ calls, observed }) {
  const errno = observed.match(/\bE[A-Z0-9]+\b/)?.[0];
  const failed = new RegExp(`= (?:-1 )?${errno}\\b`);
  const decided = errno ? calls.findLastIndex((it) => failed.test(it)) : -1;
  return make("ol", { className: "calls", tabIndex: 0, ariaLabel: "Calls" }, ...calls.map((it, place) =>
    make("li", {}, place === decided ? make("mark", {}, it) : it)));
}

function verdictLine(word, kernel) {
  const name = toView(kernel);
  return make("p", { className: "verdict" },
    marked(word), " ", make("strong", {}, word.name), " on ", name,
    make("small", {}, word.meaning));
}

const feature = (label) => (since.get(label) ? `${label} (ABI ${since.get(label)}+)` : label);

function tile(label, value, note) {
  return make("div", {}, make("h3", {}, label), make("code", {}, value), make("small", {}, note));
}

function clauses(seen) {
  return make("ul", {}, ...seen.clauses.map((clause) =>
    clause === seen.clause
      ? make("li", {}, make("strong", {}, clause), ", which applied here")
      : make("li", {}, clause)));
}

function behaviours(it) {
  return make("ul", {}, ...it.answers.map((name) =>
    make("li", {}, make("code", {}, name), " ", data.behaviours[name] ?? "")));
}

/** Labelled texts, elements and lists of both; empty ones are left out. */
function fields(pairs) {
  const there = pairs.filter((pair) => pair && [pair[1]].flat().some(Boolean));
  return make("dl", {}, ...there.map(([label, value]) =>
    make("div", {}, make("dt", {}, label), make("dd", {}, ...[value].flat()))));
}

/** The case on every kernel; one click away. */
function everywhere(it, current) {
  const lines = kernels.filter(({ place }) => observation(it, place)).map(({ short, place }) => {
    const seen = observation(it, place);
    const line = make("tr", place === current.place ? { aria: { current: "true" } } : {},
      make("th", { scope: "row" }, link({ case: it.id, kernel: short }, short)),
      make("td", {}, marked(words[seen.verdict])));
    for (const text of [seen.expected, seen.observed, seen.clause]) line.append(make("td", {}, text));
    return line;
  });
  const heads = ["Kernel", "Verdict", "Expected", "Observed", "Clause"];
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("section", {}, make("h3", {}, "On every kernel"),
    make("div", { className: "scroll" },
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines))));
}

/** The cases of a row on a kernel, worst first, by verdict. */
function ofRow(row, kernel) {
  const found = row.cases.filter(shown.selected);
  const counts = count(found, kernel.place);
  const order = counts.map((_, verdict) => verdict).filter((verdict) => counts[verdict]);
  order.sort((a, b) => words[b].severity - words[a].severity);
  const calm = (verdict) => !words[verdict].fault && order.length > 1;
  return [
    row.label,
    make("p", { className: "lead" }, `${plural(found.length, "case")} on `,
      toView(kernel)),
    ...order.map((verdict) => make("details", { open: !calm(verdict) },
      make("summary", {}, marked(words[verdict]), ` ${words[verdict].name} `,
        make("small", { className: "count" }, counts[verdict].toLocaleString("en"))),
      listOf(found.filter((it) => verdictOf(it, kernel.place) === verdict), kernel))),
  ];
}

function startDetail() {
  byId("close").addEventListener("click", () => drawer.close());
  drawer.addEventListener("close", forget);
  // A click on the dialog itself is one beside its content.
  drawer.addEventListener("click", ({ target }) => target === drawer && drawer.close());
}
