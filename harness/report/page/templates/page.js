// Sorting: a button in a heading sorts its table; what has no value stays last either way.
function cellValue(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function compareCells(one, other, direction) {
  if (one === "" || other === "") return (one === "") - (other === "");
  if (typeof one === "number" && typeof other === "number") return direction * (one - other);
  return direction * String(one).localeCompare(String(other), "en", { numeric: true });
}

function nextOrder(heading) {
  const first = heading.classList.contains("number") ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  return heading.getAttribute("aria-sort") === first ? other : first;
}

function sortBy(heading, order) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  for (const one of table.querySelectorAll("th[aria-sort]")) one.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", order);
  const direction = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [cellValue(row, column), row]);
  rows.sort((one, another) => compareCells(one[0], another[0], direction));
  body.append(...rows.map(([, row]) => row));
}

for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const order = nextOrder(heading);
    sortBy(heading, order);
    const tables = [...document.querySelectorAll("table.sortable")];
    remember("sort", `${tables.indexOf(heading.closest("table"))}.${heading.cellIndex}.${order}`);
  });
}

const [sortedTable, sortedColumn, sortedOrder] = (address.get("sort") || "").split(".");
const sortedHeading = document.querySelectorAll("table.sortable")[sortedTable]?.tHead.rows[0].cells[sortedColumn];
if (sortedHeading && ["ascending", "descending"].includes(sortedOrder)) sortBy(sortedHeading, sortedOrder);

// Filtering: a task hides the columns and panels of other tasks, a size the rows and panels of other sizes.
const taskFilter = document.getElementById("filter-task");
const sizeFilter = document.getElementById("filter-size");

function filterPage() {
  const task = taskFilter.value;
  const size = sizeFilter.value;
  const ofTask = (element) => !task || element.dataset.dataset === task || element.dataset.family === task;
  const ofSize = (element) => !size || element.dataset.size === size || element.dataset.size === undefined;
  for (const element of document.querySelectorAll("article.comparison, div.comparison, figure[data-dataset]")) {
    element.hidden = !(ofTask(element) && ofSize(element));
  }
  for (const title of document.querySelectorAll("#tasks, #training, #types, #lengths, #calibration")) {
    const parts = [...title.querySelectorAll("article.comparison, div.comparison, figure[data-dataset]")];
    title.hidden = parts.length > 0 && parts.every((part) => part.hidden);
  }
  const board = document.getElementById("board");
  const headings = [...board.tHead.rows[0].cells];
  const shown = headings.map((heading) => heading.dataset.dataset === undefined || ofTask(heading));
  const scores = headings.map((heading) => heading.dataset.dataset !== undefined);
  headings.forEach((heading, column) => { heading.hidden = !shown[column]; });
  let count = 0;
  for (const row of board.tBodies[0].rows) {
    const cells = [...row.cells];
    cells.forEach((cell, column) => { cell.hidden = !shown[column]; });
    const scored = cells.some((cell, column) => scores[column] && shown[column] && cell.dataset.value !== undefined);
    row.hidden = !(ofSize(row) && scored);
    count += !row.hidden;
  }
  document.getElementById("filter-count").textContent = task || size ? `${count} of ${board.tBodies[0].rows.length} rows` : "";
}

if (taskFilter) {
  for (const [name, select] of [["task", taskFilter], ["size", sizeFilter]]) {
    if ([...select.options].some((option) => option.value === address.get(name))) select.value = address.get(name) || "";
    select.addEventListener("change", () => { remember(name, select.value); filterPage(); });
  }
  taskFilter.form.addEventListener("submit", (event) => event.preventDefault());
  filterPage();
}

// Copying a command.
document.addEventListener("click", async (event) => {
  if (!event.target.classList.contains("copy")) return;
  const text = event.target.previousElementSibling;
  try {
    await navigator.clipboard.writeText(text.textContent);
    event.target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    event.target.textContent = "Selected";
  }
  setTimeout(() => { event.target.textContent = "Copy"; }, 1500);
});
