// SPDX-License-Identifier: MIT
// Ties the parts together.

function clicked(event) {
  const target = event.target.closest("a, button");
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const element = target.closest("tr");
  if (target.hasAttribute("aria-expanded")) {
    toggle(element);
  } else if (target.matches("#matrix [data-kernel]")) {
    event.preventDefault();
    const row = rowOf.get(element);
    const kernel = kernels[target.dataset.kernel].name;
    inspect(row?.case ? { case: row.case.id, kernel } : { row: row?.key ?? "", kernel });
  } else if (target.hash?.includes("kernel=")) {
    // Without this, a link to a case would undo the filters.
    event.preventDefault();
    const { case: id = "", kernel } = Object.fromEntries(new URLSearchParams(target.hash.slice(1)));
    inspect({ case: id, kernel });
  }
}

/** Show what the address says. */
function follow() {
  readFragment();
  const it = cases.find((each) => each.id === state.case);
  const row = groupOf.get(state.row);
  for (const key of it ? leadTo(it) : (row?.inside ?? [])) state.unfolded.add(key);
  showFilters();
  draw();
  keepStop();
  const kernel = kernels.findIndex((each) => each.name === state.kernel);
  const opened = it ? { case: it } : row;
  if (opened) cellOf(opened, kernel)?.scrollIntoView({ block: "center", inline: "center" });
  showDetail();
}

if (table) {
  startFilters();
  startKeys();
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
  addEventListener("popstate", () => {
    // The anchors of sections have no "=", and leave the matrix as it is.
    if (!location.hash || location.hash.includes("=")) follow();
  });
  follow();
}
