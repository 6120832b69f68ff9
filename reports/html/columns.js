// SPDX-License-Identifier: MIT
// On a screen that is too narrow for all kernels: how many more there are, to which side, and how
// many of them have faults. The buttons work by finger, mouse and keyboard alike.

/** Say what the parts of a table are, since a row that is none on the screen, as a narrow one
 * has them, would be none to a screen reader. */
function nameParts(table, role, cell) {
  table.role = role;
  for (const group of [table.tHead, ...table.tBodies]) group.role = "rowgroup";
  for (const row of table.rows) {
    row.role = "row";
    for (const it of row.cells) {
      it.role = it.tagName === "TD" ? cell : it.scope === "col" ? "columnheader" : "rowheader";
    }
  }
}

/** Watch a table with a column for each kernel, and its scrolling parent. */
function startColumns(table) {
  const box = table.closest(".scroll");
  const buttons = [-1, 1].map((side) => make("button", { type: "button", className: "more", hidden: true }));
  box.before(make("div", { className: "sides" }, ...buttons));
  buttons.forEach((button, place) => button.addEventListener("click", () => turn(box, place ? 1 : -1)));
  const update = () => {
    const sides = beyond(table, box);
    sides.forEach((names, place) => {
      buttons[place].hidden = !names.length;
      buttons[place].textContent = place ? `${told(names)} →` : `← ${told(names)}`;
      box.classList.toggle(place ? "more-right" : "more-left", names.length > 0);
    });
  };
  box.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(box);
  new ResizeObserver(update).observe(table);
}

const told = (found) => {
  const faults = found.filter((kernel) => faulty.has(kernel)).length;
  const many = faults === found.length ? "" : `${faults} `;
  return `${plural(found.length, "more kernel")}${faults ? `, ${many}with faults` : ""}`;
};

/** The kernels that have a fault. */
const faulty = new Set(
  kernels.filter(({ place }) => cases.some((it) => words[verdictOf(it, place)]?.fault)),
);

/** The kernels whose columns are out of sight, to the left and to the right. */
function beyond(table, box) {
  const { left, right } = box.getBoundingClientRect();
  const stuck = table.tHead.rows[0].cells[0].getBoundingClientRect();
  const edge = stuck.width ? stuck.right : left; // on a narrow screen, nothing stands in the way
  const sides = [[], []];
  for (const head of table.tHead.querySelectorAll("a")) {
    const { left: from, right: to } = head.closest("th").getBoundingClientRect();
    const kernel = kernelNamed(placesOf(head).kernel);
    const middle = (from + to) / 2;
    if (to === from) continue; // filtered out
    if (middle < edge) sides[0].push(kernel);
    else if (middle > right) sides[1].push(kernel);
  }
  return sides;
}

function turn(box, side) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  box.scrollBy({ left: side * box.clientWidth * 0.6, behavior: calm ? "auto" : "smooth" });
}
