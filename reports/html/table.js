// SPDX-License-Identifier: MIT
// The matrix. Rows of cases are made when they are unfolded: there may be thousands.

const MOST_UNFOLDED = 400; // cases; more make a page slow, and nobody reads them

const table = byId("matrix");
const shown = { kernels: [], selected: () => true };
const rowOf = new WeakMap(); // from <tr>

/** Make the matrix anew, for the filters of the state. */
function draw() {
  shown.kernels = shownKernels();
  shown.selected = selection();
  const visible = new Set(shown.kernels.map((it) => it.place + 1));
  [...table.tHead.rows[0].cells].forEach((cell, place) => {
    cell.hidden = place > 0 && place <= kernels.length && !visible.has(place);
  });
  table.tBodies[0].replaceChildren(...rows.flatMap(lines));
  const left = cases.filter(shown.selected);
  const found = left.length;
  byId("status").textContent = comparing()
    ? `${share(found, cases, "case")} differ between ${state.compare.map((it) => it.short).join(" and ")}${found ? `: ${ways(left)}` : ""}`
    : `${share(found, cases, "case")} on ${share(shown.kernels.length, kernels, "kernel")}`;
  byId("unfold").disabled = found > MOST_UNFOLDED;
  byId("unfold").title =
    found > MOST_UNFOLDED ? `Filter first: more than ${MOST_UNFOLDED} cases are left` : "";
  byId("fold").disabled = !state.unfolded.size;
}

function share(number, all, noun) {
  const of = number === all.length ? "" : `${number.toLocaleString("en")} of `;
  return of + plural(all.length, noun);
}

/** A row with those below it that are unfolded; none when no case of it is left. */
function lines(row) {
  const found = row.cases.filter(shown.selected);
  if (!found.length) return [];
  const open = state.unfolded.has(row.key);
  return [line(row, found, open), ...(open ? below(row, found) : [])];
}

function below(row, found) {
  return row.groups ? row.groups.flatMap(lines) : found.map((it) => caseLine(it));
}

function line(row, found, open) {
  const abi = row.abi ? [" ", make("small", {}, `ABI ${row.abi}+`)] : [];
  const number = make("small", { className: "count" }, found.length.toLocaleString("en"));
  const button = make("button", { type: "button", tabIndex: -1, aria: { expanded: open } },
    make("span", { className: "label" }, row.label, ...abi), number);
  const cells = shown.kernels.map(({ place }) => cell(say(count(found, place)), place));
  if (comparing()) cells.push(wayCell(ways(found)));
  return tr(row, make("th", { scope: "row", role: "rowheader", tabIndex: -1 }, button), cells);
}

function caseLine(it) {
  const cells = shown.kernels.map(({ place }) => {
    const seen = observation(it, place);
    return cell(seen && { word: words[seen.verdict], share: "" }, place);
  });
  if (comparing()) cells.push(wayCell(way(it)));
  const file = it.file.slice(it.area.length + 1);
  const label = [file, make("wbr"), it.id.slice(it.file.length)];
  const head = make("th", { scope: "row", role: "rowheader", tabIndex: -1, title: it.summary }, ...label);
  return tr({ level: 3, case: it }, head, cells);
}

function tr(row, head, cells) {
  const element = make("tr", { className: `level-${row.level}`, role: "row" }, head, ...cells);
  rowOf.set(element, row);
  return element;
}

/** A cell with its kernel's place; one where nothing ran has no button, and can't be opened. */
function cell(said, kernel) {
  if (!said) return make("td", { tabIndex: -1, role: "gridcell" });
  const button = make("button", { type: "button", tabIndex: -1, data: { kernel } }, marked(said.word));
  if (said.share) button.append(" ", make("span", { className: "of" }, said.share));
  return make("td", { tabIndex: -1, role: "gridcell" }, button);
}

const wayCell = (text) => make("td", { tabIndex: -1, className: "way", role: "gridcell" }, text);

function marked(word) {
  return make("span", { className: `mark ${word.name}`, title: word.name }, word.mark);
}

function toggle(element) {
  const row = rowOf.get(element);
  const open = !state.unfolded.delete(row.key);
  if (open) {
    state.unfolded.add(row.key);
    element.after(...below(row, row.cases.filter(shown.selected)));
  } else {
    while (rowOf.get(element.nextElementSibling)?.level > row.level) {
      element.nextElementSibling.remove();
    }
  }
  element.querySelector("[aria-expanded]").setAttribute("aria-expanded", open);
  byId("fold").disabled = !state.unfolded.size;
  keepStop();
  writeFragment();
}

function unfoldAll() {
  for (const row of rows) {
    state.unfolded.add(row.key);
    for (const group of row.groups) state.unfolded.add(group.key);
  }
}

/** The rows that lead to a case: its area, and the first group that holds it. */
function leadTo(it) {
  const area = groupOf.get(it.area);
  const unfolded = area.groups.filter((row) => state.unfolded.has(row.key));
  const group = [...unfolded, ...area.groups].find((row) => row.cases.includes(it));
  return [area.key, group.key];
}

/** The cell of a case or a row on a kernel, if it is on the page. */
function cellOf(row, kernel) {
  const same = (it) => it && (row.case ? it.case === row.case : it.key === row.key);
  const element = [...table.tBodies[0].rows].find((it) => same(rowOf.get(it)));
  return element?.querySelector(`[data-kernel="${kernel}"]`);
}
