// SPDX-License-Identifier: MIT
// Ties the parts together.

function clicked(event) {
  const target = event.target.closest("a, button");
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const element = target.closest("tr");
  const places = placesOf(target);
  if (target.hasAttribute("aria-expanded")) {
    toggle(element);
  } else if ("view" in target.dataset) {
    event.preventDefault();
    visit({ view: target.dataset.view });
  } else if (target.matches("#matrix td [data-kernel]")) {
    const row = rowOf.get(element);
    const kernel = kernels[target.dataset.kernel].short;
    inspect(row.case ? { case: row.case.id, kernel } : { row: row.key, kernel });
  } else if (places) {
    // Without this, a link to a case would undo the filters.
    event.preventDefault();
    if (places.case || places.row) inspect(places);
    else visit({ view: places.kernel });
  }
}

/** What a link within the page leads to, if it is none to a section. */
function placesOf(target) {
  const address = target.getAttribute("href") ?? "";
  if (!address.startsWith("#") || !address.includes("kernel=")) return null;
  const fields = new URLSearchParams(address.slice(1));
  return { case: fields.get("case") ?? "", row: fields.get("row") ?? "", kernel: fields.get("kernel") };
}

/** Go elsewhere on the page, from where the browser's button comes back. */
function visit(places) {
  Object.assign(state, CLOSED, places);
  writeFragment({ visit: true });
  show();
}

function show() {
  showFilters();
  showCompare();
  draw();
  keepStop();
  showView();
  showDetail();
}

/** Show what the address says. */
function follow() {
  readFragment();
  const it = cases.find((each) => each.id === state.case);
  const row = groupOf.get(state.row);
  for (const key of it ? leadTo(it) : (row?.inside ?? [])) state.unfolded.add(key);
  show();
  const kernel = kernelNamed(state.kernel)?.place;
  const opened = it ? { case: it } : row;
  if (opened) cellOf(opened, kernel)?.scrollIntoView({ block: "center", inline: "center" });
}

/** The address changed by hand or by the browser's buttons; sections have no "=" in theirs. */
function moved() {
  if (!location.hash || location.hash.includes("=")) {
    follow();
  } else if (state.view) {
    Object.assign(state, CLOSED, { view: "" });
    show();
    byId(location.hash.slice(1))?.scrollIntoView();
  }
}

if (table) {
  startFilters();
  startCompare();
  startKeys(table);
  startDetail();
  document.addEventListener("click", clicked);
  byId("unfold").addEventListener("click", () => {
    unfoldAll();
    refresh();
  });
  byId("fold").addEventListener("click", () => {
    state.unfolded.clear();
    refresh();
  });
  addEventListener("popstate", moved);
  for (const head of table.tHead.querySelectorAll("[data-kernel]")) {
    const { short } = kernels[head.dataset.kernel];
    Object.assign(head, { href: `#kernel=${encodeURIComponent(short)}` }).dataset.view = short;
  }
  const risks = byId("risks");
  if (risks) {
    startKeys(risks);
    keepStop(risks);
    startColumns(risks);
  }
  startColumns(table);
  follow();
}
