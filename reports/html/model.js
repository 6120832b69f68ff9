// SPDX-License-Identifier: MIT
// The run as reports/html/data.py wrote it, and what the cells of the matrix say of it.
"use strict";

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);

const words = data.words.map(([name, mark, severity, fault, meaning]) => ({
  name, mark, severity, fault, meaning,
}));
const ABSENT = words.findIndex((word) => word.name === "absent");

const kernels = data.kernels.map(([name, short, abi, says, lacks, lines], place) => ({
  name, short, abi, says, lacks, lines, place,
}));

/** The kernel of this name, with or without its `vm:`; undefined if there is none. */
const kernelNamed = (name) => kernels.find((it) => it.short === name || it.name === name);

const observations = data.observations.map(
  ([verdict, expected, observed, control, clause, clauses, bug, known, reason, calls]) => ({
    verdict,
    expected: data.values[expected],
    observed: data.values[observed],
    control: data.values[control],
    clause: data.values[clause],
    clauses: data.values[clauses],
    bug: data.values[bug],
    known: data.values[known],
    reason: data.values[reason],
    calls: data.values[calls],
  }),
);

const cases = data.cases.map(([id, summary, source, covers, answers, pattern], place) => ({
  id,
  place,
  area: id.split("/", 1)[0],
  file: id.split("[", 1)[0],
  summary: data.values[summary],
  source: data.values[source],
  covers: data.values[covers],
  answers: data.values[answers],
  pattern: data.patterns[pattern],
}));

/** Known bugs, the worst first; `seen` by the kernel's place. */
const bugs = data.bugs.map(([name, title, impact, loud, says, workaround, links, seen]) => ({
  name, title, impact, loud, says, workaround, links,
  seen: new Map(seen.map(([place, sure, where, shown]) =>
    [place, { sure, where, cases: shown.map((it) => cases[it]) }])),
}));

/** What no known bug explains, and no list. */
const news = data.new.map(([title, says, command, places, shown]) => ({
  title, says, command, places, cases: shown.map((it) => cases[it]),
}));

const since = new Map(data.features);

/** What a kernel made of a case; undefined where it did not run. */
const observation = (it, kernel) => observations[it.pattern[kernel]];

const verdictOf = (it, kernel) => observation(it, kernel)?.verdict;

/** Rows of the matrix: areas, in them features and files of cases without one, then cases. */
const rows = data.areas.map((area) => {
  const groups = new Map();
  const inside = cases.filter((it) => it.area === area);
  const add = (key, label, abi, it) => {
    if (!groups.has(key)) groups.set(key, { key, label, abi, level: 2, cases: [], inside: [area] });
    groups.get(key).cases.push(it);
  };
  for (const [feature, abi] of data.features) {
    for (const it of inside) {
      if (it.covers.includes(feature)) add(`${area}:${feature}`, feature, abi, it);
    }
  }
  for (const it of inside) {
    if (!it.covers.length) add(it.file, it.file.slice(area.length + 1), null, it);
  }
  return { key: area, label: area, abi: null, level: 1, cases: inside, groups: [...groups.values()] };
});

const groupOf = new Map(rows.flatMap((row) => [row, ...row.groups]).map((row) => [row.key, row]));

/** How often each verdict occurs among cases on a kernel, by its place in `words`. */
function count(found, kernel) {
  const counts = new Array(words.length).fill(0);
  for (const it of found) {
    const verdict = verdictOf(it, kernel);
    if (verdict !== undefined) counts[verdict] += 1;
  }
  return counts;
}

/** What a cell says, as `reports.matrix.Cell` does: verdict and share; null when no case ran. */
function say(counts) {
  const there = counts.map((_, verdict) => verdict).filter((verdict) => counts[verdict]);
  if (!there.length) return null;
  const worst = there.reduce((a, b) => (words[b].severity > words[a].severity ? b : a));
  if (worst === ABSENT) return { word: words[worst], share: "" };
  const total = there.reduce((sum, verdict) => sum + counts[verdict], 0) - counts[ABSENT];
  const part = counts[worst] === total ? "" : `/${total}`;
  const more = there.filter((verdict) => words[verdict].fault).length > 1 ? "+" : "";
  return { word: words[worst], share: `${counts[worst]}${part}${more}` };
}

/** An element; `props` are its properties, `data` its data-* attributes. */
function make(tag, { data: own = {}, aria = {}, ...props } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  Object.assign(element.dataset, own);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  element.append(...children);
  return element;
}

const plural = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
