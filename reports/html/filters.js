// SPDX-License-Identifier: MIT
// Search field and lists of boxes; none ticked in a list means all.

const form = byId("filters");

const abiName = (abi) => ({ "-2": "not run (interrupted)", "-1": "never came up", 0: "no Landlock" })[abi] ?? `ABI ${abi}`;

const options = {
  kernels: kernels.map((it) => [it.name, it.name]),
  abi: [...new Set(kernels.map((it) => it.abi))].sort((a, b) => a - b).map((abi) => [String(abi), abiName(abi)]),
  area: rows.map((row) => [row.key, row.label]),
  verdict: words
    .filter((_, verdict) => observations.some((seen) => seen.verdict === verdict))
    .map((word) => [word.name, `${word.name} (${word.mark})`]),
};
const titles = { kernels: "Kernel", abi: "ABI", area: "Area", verdict: "Verdict" };

function choice(name) {
  const boxes = options[name].map(([value, label]) =>
    make("label", {}, make("input", { type: "checkbox", name, value }), ` ${label}`));
  return make("details", { className: "choice", name: "choice" },
    make("summary", { data: { choice: name } }),
    make("fieldset", {}, make("legend", {}, titles[name]), ...boxes));
}

/** Bring the form to what the state says. */
function showFilters() {
  form.elements.text.value = state.text;
  for (const box of form.querySelectorAll("input[type=checkbox]")) {
    box.checked = state[box.name].has(box.value);
  }
  for (const summary of form.querySelectorAll("[data-choice]")) {
    const name = summary.dataset.choice;
    summary.textContent = `${titles[name]}: ${said(name)}`;
  }
  byId("reset").disabled = !state.text && CHOICES.every((name) => !state[name].size);
}

function said(name) {
  const ticked = options[name].filter(([value]) => state[name].has(value)).map(([, label]) => label);
  if (!ticked.length) return "all";
  return ticked.length > 2 ? `${ticked.length} of ${options[name].length}` : ticked.join(", ");
}

function changed() {
  state.text = form.elements.text.value;
  for (const name of CHOICES) {
    const ticked = form.querySelectorAll(`input[name=${name}]:checked`);
    state[name] = new Set([...ticked].map((box) => box.value));
  }
  refresh();
}

/** Everything but the drawer, after a change of filters. */
function refresh() {
  showFilters();
  draw();
  keepStop();
  writeFragment();
}

function startFilters() {
  byId("choices").append(...CHOICES.map(choice));
  form.hidden = false;
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const name of CHOICES) state[name].clear();
    state.text = "";
    refresh();
  });
  const lists = () => [...form.querySelectorAll("details[open]")];
  form.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const list of lists()) {
      list.open = false;
      list.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", ({ target }) => {
    for (const list of lists()) if (!list.contains(target)) list.open = false;
  });
}
