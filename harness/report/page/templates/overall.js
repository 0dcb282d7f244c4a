
// Limits of cost: which models are left, and what the second choice loses.
const limits = ["latency", "memory"].map((name) => [name, document.getElementById(`limit-${name}`)]);
const ranked = [...document.querySelectorAll("#overall-table tbody tr[data-rank]")]
  .sort((one, other) => one.dataset.rank - other.dataset.rank || other.dataset.score - one.dataset.score);

function meets(row) {
  return limits.every(([name, input]) => input.value === "" || Number(row.dataset[name]) <= Number(input.value));
}

// The mean score of one row beside that of another: rows are ordered by rank, so a later one may have the higher score.
function scoreBeside(row, other) {
  const lost = Number(other.dataset.score) - Number(row.dataset.score);
  return lost < 0 ? `${(-lost).toFixed(4)} higher` : `${lost.toFixed(4)} lower`;
}

function secondChoice(first, second) {
  const apart = Number(second.dataset.low) > Number(first.dataset.high);
  return `The second choice, ${second.dataset.name}, has a mean score ${scoreBeside(second, first)} and the mean rank ` +
    `${Number(second.dataset.rank).toFixed(1)} instead of ${Number(first.dataset.rank).toFixed(1)}` +
    (apart ? "." : "; the two cannot be told apart.");
}

function limitAnswer(left, limited) {
  const unmeasured = ranked.filter((row) => limits.some(([name, input]) => input.value !== "" && row.dataset[name] === undefined));
  const unknown = unmeasured.length ? ` Not measured, and so left out: ${unmeasured.map((row) => row.dataset.name).join(", ")}.` : "";
  if (!left.length) return `No model meets ${limited.join(" and ")}; raise a limit.${unknown}`;
  const [first, second] = left;
  const best = ranked[0];
  const price = first === best ? "" :
    ` Without limits it would be ${best.dataset.name}, whose mean score is ${scoreBeside(best, first)}.`;
  const count = limited.length ? `${left.length} of ${ranked.length} models left. ` : "";
  return `${count}First choice: ${first.dataset.name}.${price} ${second ? secondChoice(first, second) : "There is no second choice."}${unknown}`;
}

function applyLimits() {
  const left = ranked.filter(meets);
  for (const row of document.querySelectorAll("#overall-table tbody tr")) row.hidden = !meets(row);
  const names = new Set(left.map((row) => row.dataset.name));
  for (const mark of document.querySelectorAll("#cost-charts [data-model]")) {
    mark.classList.toggle("faded", !names.has(mark.dataset.model));
  }
  const words = { latency: (value) => `at most ${value} ms`, memory: (value) => `at most ${value} MiB` };
  const limited = limits.filter(([, input]) => input.value !== "").map(([name, input]) => words[name](input.value));
  document.getElementById("limit-answer").textContent = ranked.length ? limitAnswer(left, limited) : "";
}

function showCost(select) {
  const charts = document.getElementById("cost-charts");
  [...charts.querySelectorAll(".chart")].forEach((chart, number) => { chart.hidden = select.value !== "all" && Number(select.value) !== number; });
  charts.classList.toggle("single", select.value !== "all");
}

for (const form of document.querySelectorAll("form.limits")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
}
if (limits.every(([, input]) => input)) {
  for (const [name, input] of limits) {
    input.value = address.get(name) || "";
    input.addEventListener("input", () => { remember(name, input.value); applyLimits(); });
  }
  applyLimits();
}
const costKind = document.getElementById("cost-kind");
if (costKind) {
  const kinds = [...costKind.options].map((option) => option.value);
  if (kinds.includes(address.get("cost"))) costKind.value = address.get("cost");
  costKind.addEventListener("change", () => { remember("cost", costKind.value); showCost(costKind); });
  showCost(costKind);
}
