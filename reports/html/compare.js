// SPDX-License-Identifier: MIT
// Two kernels side by side: only what differs, and which way.

const comparing = () => state.compare.length === 2;

/** Whether the two kernels that are compared answer a case differently. */
function differs(it) {
  const [one, other] = state.compare.map(({ place }) => observation(it, place));
  return one?.verdict !== other?.verdict || one?.observed !== other?.observed;
}

const isCalm = (word) => ["conforms", "unfixed", "absent"].includes(word.name);

/** Which way a case differs, in words; neither kernel is the first of the two. */
function way(it) {
  const [one, other] = state.compare.map((kernel) => {
    const seen = observation(it, kernel.place);
    return { name: kernel.short, word: seen && words[seen.verdict] };
  });
  const only = (a) => `only on ${a.name}`;
  if (!one.word) return `ran ${only(other)}`;
  if (!other.word) return `ran ${only(one)}`;
  const [low, high] = one.word.severity < other.word.severity ? [one, other] : [other, one];
  const silent = [one, other].find(({ word }) => word.name === "skipped");
  if (silent) return `skipped on ${silent.name}`;
  if (low.word === high.word) return "answered otherwise";
  const absent = [one, other].find(({ word }) => word.name === "absent");
  if (absent && isCalm(high.word)) return only(absent === one ? other : one);
  return `better on ${low.name}`;
}

/** How often each way occurs among cases that differ, the most frequent first. */
function ways(found) {
  const counts = new Map();
  for (const it of found) counts.set(way(it), (counts.get(way(it)) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)
    .map(([name, number]) => `${number.toLocaleString("en")} ${name}`).join(", ");
}

/** Bring the selects, and the head of the last column, to what the state says. */
function showCompare() {
  const form = byId("compare");
  state.compare.forEach((kernel, place) => (form.elements[place].value = kernel.short));
  byId("end-compare").hidden = !comparing();
  table.classList.toggle("comparing", comparing());
  byId("way")?.remove();
  if (!comparing()) return;
  const head = make("th", { id: "way", scope: "col", role: "columnheader", tabIndex: -1 }, "Which way");
  table.tHead.rows[0].append(head);
}

function startCompare() {
  const form = byId("compare");
  const faults = ({ place }) => cases.filter((it) => words[verdictOf(it, place)]?.fault).length;
  const names = () => kernels.map((it) => make("option", {}, it.short));
  form.elements[0].append(...names());
  form.elements[1].append(...names());
  // What one asks first: what the newest does of which the worst does not.
  const worst = kernels.reduce((a, b) => (faults(b) > faults(a) ? b : a));
  form.elements[0].value = (worst === kernels.at(-1) ? kernels[0] : worst).short;
  form.elements[1].value = kernels.at(-1).short;
  form.hidden = kernels.length < 2;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const pair = [0, 1].map((place) => kernelNamed(form.elements[place].value));
    byId("compare-wrong").textContent = pair[0] === pair[1] ? "Choose two different kernels." : "";
    if (pair[0] !== pair[1]) visit({ compare: pair });
  });
  byId("end-compare").addEventListener("click", () => {
    visit({ compare: [] });
    form.elements[0].focus();
  });
}
