// SPDX-License-Identifier: MIT
// The keyboard in a table of kernels: one stop of the Tab key, arrows from cell to cell
// (ARIA Authoring Practices Guide, "Grid Pattern").

const PAGE = 10; // rows

const stopOf = (cell) => cell.querySelector("button, a") ?? cell;
const visible = (line) => [...line.cells].filter((cell) => !cell.hidden);

/** Make a cell the one that the Tab key comes to. */
function settle(stop) {
  for (const other of stop.closest("table").querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  stop.tabIndex = 0;
}

function move(event) {
  const cell = event.target.closest("th, td");
  if (!cell || event.altKey || event.metaKey) return;
  const all = [...cell.closest("table").rows];
  const line = all.indexOf(cell.parentElement);
  const column = visible(cell.parentElement).indexOf(cell);
  const [down, right] = steps(event, line, column, all.length);
  if (!down && !right) return;
  event.preventDefault();
  const target = visible(all[Math.min(Math.max(line + down, 0), all.length - 1)]);
  stopOf(target[Math.min(Math.max(column + right, 0), target.length - 1)]).focus();
}

function steps({ key, ctrlKey }, line, column, lines) {
  switch (key) {
    case "ArrowUp": return [-1, 0];
    case "ArrowDown": return [1, 0];
    case "ArrowLeft": return [0, -1];
    case "ArrowRight": return [0, 1];
    case "PageUp": return [-PAGE, 0];
    case "PageDown": return [PAGE, 0];
    case "Home": return [ctrlKey ? -line : 0, -column];
    case "End": return [ctrlKey ? lines : 0, kernels.length];
    default: return [0, 0];
  }
}

function startKeys(grid) {
  nameParts(grid, "grid", "gridcell");
  grid.classList.add("stacks");
  for (const cell of grid.querySelectorAll("th, td")) {
    cell.tabIndex = -1;
    stopOf(cell).tabIndex = -1;
  }
  grid.addEventListener("keydown", move);
  grid.addEventListener("focusin", ({ target }) => settle(target));
}

/** After the rows were made anew, some cell must be the stop. */
function keepStop(grid = table) {
  if (!grid.querySelector('[tabindex="0"]')) {
    settle(stopOf((grid.tBodies[0].rows[0] ?? grid.tHead.rows[0]).cells[0]));
  }
}
