// SPDX-License-Identifier: MIT
// What is filtered, unfolded and opened. It lives in the fragment of the address, so that a link
// shows the same again.

const CHOICES = ["kernels", "abi", "area", "verdict"];
const CLOSED = { case: "", row: "", kernel: "" }; // no drawer

const state = {
  kernels: new Set(), // names; none chosen: all
  abi: new Set(), // numbers as text
  area: new Set(),
  verdict: new Set(), // names
  text: "",
  unfolded: new Set(), // keys of rows
  ...CLOSED, // the drawer: of a case or a row on a kernel
  view: "", // the kernel whose page is shown
  compare: [], // two kernels
};

function readFragment() {
  const hash = location.hash.includes("=") ? location.hash.slice(1) : "";
  const fields = new URLSearchParams(hash.replaceAll("+", "%2B"));
  const field = (name) => fields.get(name) ?? "";
  for (const name of [...CHOICES, "unfolded"]) state[name] = new Set(fields.getAll(name));
  for (const name of ["case", "row", "text"]) state[name] = field(name);
  const kernel = kernelNamed(field("kernel"))?.short ?? field("kernel");
  // With nothing of it opened, it is the kernel's own page.
  const opened = state.case || state.row;
  state.kernel = opened ? kernel : "";
  state.view = opened ? field("view") : kernel;
  state.compare = pairNamed(field("compare"));
}

/** Two kernels by `6.18,7.3`, or none. Names may have commas of their own. */
function pairNamed(text) {
  const called = ({ name, short }) => [name, short];
  for (const one of kernels) {
    const rest = called(one).filter((it) => text.startsWith(`${it},`)).map((it) => text.slice(it.length + 1));
    const other = kernels.find((it) => it !== one && called(it).some((name) => rest.includes(name)));
    if (other) return [one, other];
  }
  return [];
}

/** The fragment with some places changed; brackets are encoded, since prose ends links at them. */
function fragment(places = {}) {
  const now = { ...state, ...places };
  const encode = (text) => encodeURIComponent(text).replace(/%(2F|3A|2C)/g, decodeURIComponent);
  const pairs =
    now.case || now.row
      ? ["case", "row", "kernel", "view"].map((name) => [name, now[name]])
      : [["kernel", now.view]];
  pairs.push(["compare", now.compare.map((it) => it.short).join(",")], ["text", now.text]);
  for (const name of [...CHOICES, "unfolded"]) pairs.push(...[...now[name]].map((it) => [name, it]));
  return pairs.filter(([, value]) => value).map(([name, value]) => `${name}=${encode(value)}`).join("&");
}

/** Note the state in the address; `visit` makes it one to come back from. */
function writeFragment({ visit = false } = {}) {
  const address = `#${fragment()}`;
  if (address === (location.hash || "#")) return;
  if (visit) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

const chosen = (set, value) => !set.size || set.has(value);

const shownKernels = () =>
  state.compare.length
    ? kernels.filter((it) => state.compare.includes(it))
    : kernels.filter((it) => chosen(state.kernels, it.name) && chosen(state.abi, String(it.abi)));

const searched = (parts) => parts.flat().join("\n").toLowerCase();
const textOfCase = cases.map((it) => {
  const says = it.answers.map((name) => data.behaviours[name] ?? "");
  return searched([it.id, it.summary, it.source, it.covers, it.answers, says]);
});
const textOfObservation = observations.map(({ expected, observed, clause, bug, known, reason }) =>
  searched([expected, observed, clause, bug, known, reason]),
);

/** A predicate of cases: what the filters leave. */
function selection() {
  const shown = shownKernels();
  const parts = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const heard = (it, part) =>
    shown.some(({ place }) => textOfObservation[it.pattern[place]]?.includes(part));
  const found = (it, part) => textOfCase[it.place].includes(part) || heard(it, part);
  const verdict = (it, { place }) => words[verdictOf(it, place)]?.name;
  return (it) =>
    (!state.compare.length || differs(it)) &&
    chosen(state.area, it.area) &&
    (!state.verdict.size || shown.some((kernel) => state.verdict.has(verdict(it, kernel)))) &&
    parts.every((part) => found(it, part));
}
