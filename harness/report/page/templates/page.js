"use strict";

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

function sortBy(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const first = heading.classList.contains("number") ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  const order = heading.getAttribute("aria-sort") === first ? other : first;
  for (const one of table.querySelectorAll("th[aria-sort]")) one.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", order);
  const direction = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [cellValue(row, column), row]);
  rows.sort((one, another) => compareCells(one[0], another[0], direction));
  body.append(...rows.map(([, row]) => row));
}

for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

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
  for (const title of document.querySelectorAll("#tasks, #types, #lengths")) {
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
  taskFilter.addEventListener("change", filterPage);
  sizeFilter.addEventListener("change", filterPage);
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

// Disagreements: all text goes in as text, never as markup.
const PAGE = 15;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function answerLine(who, chips) {
  const line = element("div", "answer");
  const pieces = element("div");
  for (const [text, state] of chips) pieces.append(element("span", `chip ${state}`, text));
  line.append(element("div", "who", who), pieces);
  return line;
}

function exampleItem(example, models) {
  const item = element("li");
  item.append(element("div", "example-id", example.id));
  if (example.context) item.append(element("p", "context", example.context));
  item.append(answerLine("gold", example.gold.map((text) => [text, "gold"])));
  for (const answer of example.answers) {
    item.append(answerLine(answer.models.map((model) => models[model]).join(", "), answer.chips));
  }
  return item;
}

function startBrowser(comparisons) {
  const get = (name) => document.getElementById(`browser-${name}`);
  const [which, right, wrong, text, list, more] = ["comparison", "right", "wrong", "text", "list", "more"].map(get);
  let found = [];
  let shown = 0;

  const fill = (select, options) => {
    select.replaceChildren(...options.map(([value, label]) => {
      const option = element("option", "", label);
      option.value = value;
      return option;
    }));
  };
  const showMore = () => {
    const { models } = comparisons[which.value];
    list.append(...found.slice(shown, shown + PAGE).map((example) => exampleItem(example, models)));
    shown = Math.min(shown + PAGE, found.length);
    more.hidden = shown >= found.length;
  };
  const filter = () => {
    const comparison = comparisons[which.value];
    const words = text.value.trim().toLowerCase();
    const isRight = (example, model) => example.answers.some((answer) => answer.right && answer.models.includes(model));
    found = comparison.examples.filter((example) =>
      (right.value === "" || isRight(example, Number(right.value))) &&
      (wrong.value === "" || !isRight(example, Number(wrong.value))) &&
      (!words || JSON.stringify(example).toLowerCase().includes(words)));
    list.replaceChildren();
    shown = 0;
    showMore();
    get("count").textContent = `${found.length} shown of the ${comparison.examples.length} kept; ` +
      `${comparison.differing} of ${comparison.compared} examples differ. ${comparison.remark}`;
  };
  const choose = () => {
    const options = [["", "any"], ...comparisons[which.value].models.map((model, number) => [number, model])];
    fill(right, options);
    fill(wrong, options);
    filter();
  };
  fill(which, comparisons.map((comparison, number) => [number, comparison.title]));
  which.addEventListener("change", choose);
  for (const select of [right, wrong]) select.addEventListener("change", filter);
  text.addEventListener("input", filter);
  more.addEventListener("click", showMore);
  which.form.addEventListener("submit", (event) => event.preventDefault());
  choose();
}

const data = document.getElementById("browser-data");
if (data) startBrowser(JSON.parse(data.textContent));
