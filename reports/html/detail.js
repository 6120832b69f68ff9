// SPDX-License-Identifier: MIT
// The drawer: all that is known of a case on a kernel, of a row on a kernel, or of a kernel.

const drawer = byId("detail");

/** Show what the state names, or nothing. */
function showDetail() {
  const kernel = kernels.find((it) => it.name === state.kernel);
  const it = cases.find((each) => each.id === state.case);
  const row = groupOf.get(state.row);
  if (!kernel) {
    drawer.close();
    return;
  }
  const [title, ...content] = it ? ofCase(it, kernel) : row ? ofRow(row, kernel) : ofKernel(kernel);
  byId("detail-title").replaceChildren(title);
  byId("detail-body").replaceChildren(...content);
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
  byId("detail-title").focus();
}

function inspect(places) {
  const visit = !drawer.open;
  Object.assign(state, { case: "", row: "", kernel: "" }, places);
  writeFragment({ visit });
  showDetail();
}

/** Back to the cell that was opened, or to that of what was last shown. */
function forget() {
  const row = state.case ? { case: cases.find((it) => it.id === state.case) } : { key: state.row };
  const kernel = kernels.find((it) => it.name === state.kernel);
  Object.assign(state, { case: "", row: "", kernel: "" });
  writeFragment();
  if (kernel) cellOf(row, kernel.place)?.focus();
}

const link = (places, ...content) =>
  make("a", { href: `#${fragment({ case: "", row: "", kernel: "", ...places })}` }, ...content);

function ofCase(it, kernel) {
  const seen = observation(it, kernel.place);
  const summary = make("p", { className: "lead" }, it.summary);
  const others = everywhere(it, kernel);
  if (!seen) return [it.id, summary, make("p", {}, `Did not run on ${kernel.name}.`), others];
  return [
    it.id,
    summary,
    verdictLine(words[seen.verdict], kernel),
    make("div", { className: "tiles" },
      tile("Expected", seen.expected || "not recorded", seen.clause),
      tile("Observed", seen.observed || "nothing", ""),
      tile("Control", seen.control || "none", "the same without Landlock")),
    fields([
      seen.bug.startsWith("looks like ") ? ["Looks like", seen.bug.slice(11)] : ["Known bug", seen.bug],
      ["Known", seen.known],
      ["Reason", seen.reason && make("pre", {}, seen.reason)],
      ["Calls", seen.calls.length && make("pre", {}, seen.calls.join("\n"))],
      ["Clauses", seen.clauses.length && clauses(seen)],
      ["Source", it.source],
      ["Covers", it.covers.map(feature).join(", ")],
      ["Answers", it.answers.length && behaviours(it)],
    ]),
    others,
  ];
}

function verdictLine(word, kernel) {
  const name = link({ kernel: kernel.name }, kernel.name);
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

/** Labelled texts and elements; empty ones are left out. */
function fields(pairs) {
  return make("dl", {}, ...pairs.filter(([, value]) => value).map(([label, value]) =>
    make("div", {}, make("dt", {}, label), make("dd", {}, value))));
}

/** The case on every kernel; one click away. */
function everywhere(it, current) {
  const lines = kernels.filter(({ place }) => observation(it, place)).map(({ name, place }) => {
    const seen = observation(it, place);
    const line = make("tr", place === current.place ? { aria: { current: "true" } } : {},
      make("th", { scope: "row" }, link({ case: it.id, kernel: name }, name)),
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
      link({ kernel: kernel.name }, kernel.name)),
    ...order.map((verdict) => make("details", { open: !calm(verdict) },
      make("summary", {}, marked(words[verdict]), ` ${words[verdict].name} `,
        make("small", { className: "count" }, counts[verdict].toLocaleString("en"))),
      make("ul", { className: "cases" }, ...found
        .filter((it) => verdictOf(it, kernel.place) === verdict)
        .map((it) => make("li", {}, link({ case: it.id, kernel: kernel.name }, it.id)))))),
  ];
}

function ofKernel(kernel) {
  return [kernel.name, fields(kernel.lines)];
}

function startDetail() {
  byId("close").addEventListener("click", () => drawer.close());
  drawer.addEventListener("close", forget);
  // A click on the dialog itself is one beside its content.
  drawer.addEventListener("click", ({ target }) => target === drawer && drawer.close());
}
