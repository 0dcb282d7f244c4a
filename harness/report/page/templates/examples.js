
// Examples: a part of the data is parsed when its comparison is chosen. All text goes in as text, never as markup.
// harness/report/page/browser.py says how a part is written.
const PAGE = 15;
const STATES = ["right", "wrong", "missed"];

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function number(count) {
  return count.toLocaleString("en");
}

function percent(share) {
  return share > 0.995 && share < 1 ? ">99 %" : share < 0.005 && share > 0 ? "<1 %" : `${Math.round(100 * share)} %`;
}

function readExample([id, context, gold, labels, answers]) {
  const read = answers.map(([who, right, chips, given, sure]) => ({ who, right: Boolean(right), chips, labels: given, sure }));
  const known = (some) => some.flatMap((answer) => answer.sure).filter((share) => share !== null);
  return {
    id, context, gold, labels,
    answers: read,
    right: new Set(read.filter((answer) => answer.right).flatMap((answer) => answer.who)),
    mistake: Math.max(-1, ...known(read.filter((answer) => !answer.right))),
    doubt: Math.min(2, ...known(read)),
  };
}

// What is searched, made when a text is first searched for.
function textOf(example) {
  const { id, context, gold, answers } = example;
  const chips = answers.flatMap((answer) => answer.chips.map((chip) => chip[0]));
  example.text ??= [id, context, ...gold, ...chips].join("\n").toLowerCase();
  return example.text;
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
    const named = answer.who.map((model, place) => {
      const sure = answer.sure[place];
      return models[model] + (sure === null ? "" : ` ${percent(sure)}`);
    });
    item.append(answerLine(named.join(", "), answer.chips.map(([text, state]) => [text, STATES[state]])));
  }
  return item;
}

// The views of a comparison: name, whether an example belongs to it, and how many of all test examples do.
function viewsOf(part) {
  const all = part.models.length;
  const count = (test) => part.right.filter(([right]) => test(right)).reduce((sum, [, some]) => sum + some, 0);
  const wrong = (right) => right.length < all;
  const views = [["mistakes", "every mistake", (example) => example.right.size < all, count(wrong)]];
  if (all > 1) {
    views.unshift(["differ", "answers differ", (example) => example.answers.length > 1, part.differing]);
    views.push(["none", "all wrong", (example) => example.right.size === 0, count((right) => right.length === 0)]);
    part.models.forEach((model, place) => {
      const only = (right) => right.length === 1 && right[0] === place;
      views.push([`only-${place}`, `only ${model} right`,
        (example) => example.right.size === 1 && example.right.has(place), count(only)]);
    });
  }
  return views;
}

function startBrowser() {
  const get = (name) => document.getElementById(`browser-${name}`);
  const controls = ["comparison", "view", "right", "wrong", "gold", "answered", "order", "text", "list", "more", "count"];
  const [which, view, right, wrong, gold, answered, order, text, list, more, count] = controls.map(get);
  const read = new Map();
  let part = null;
  let found = [];
  let shown = 0;

  const load = (place) => {
    if (!read.has(place)) {
      const made = JSON.parse(get(`part-${place}`).textContent);
      made.examples = made.examples.map(readExample);
      made.views = viewsOf(made);
      read.set(place, made);
    }
    return read.get(place);
  };
  const fill = (select, options) => {
    select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  };
  const showMore = () => {
    list.append(...found.slice(shown, shown + PAGE).map((example) => exampleItem(example, part.models)));
    shown = Math.min(shown + PAGE, found.length);
    more.hidden = shown >= found.length;
  };
  const filter = () => {
    const [, , inView, total] = part.views.find(([name]) => name === view.value);
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = part.examples.filter((example) =>
      inView(example) &&
      (right.value === "" || example.right.has(Number(right.value))) &&
      (wrong.value === "" || !example.right.has(Number(wrong.value))) &&
      (gold.value === "" || example.labels.includes(Number(gold.value))) &&
      (answered.value === "" || example.answers.some((answer) => answer.labels.includes(Number(answered.value)) &&
        (wrong.value === "" || answer.who.includes(Number(wrong.value))) &&
        (right.value === "" || wrong.value !== "" || answer.who.includes(Number(right.value))))) &&
      words.every((word) => textOf(example).includes(word)));
    if (order.value === "sure") found.sort((one, other) => other.mistake - one.mistake);
    if (order.value === "doubtful") found.sort((one, other) => one.doubt - other.doubt);
    list.replaceChildren();
    shown = 0;
    showMore();
    const kept = part.examples.length < part.found ? ` Of ${number(part.found)} examples worth seeing the page has ${number(part.examples.length)}.` : "";
    count.textContent = `${number(found.length)} found. ${number(total)} of all ${number(part.compared)} test examples are in this view.${kept} ${part.remark}`;
  };
  const choose = () => {
    part = load(which.value);
    const models = [["", "any"], ...part.models.map((model, place) => [place, model])];
    const labels = [["", "any"], ...part.labels.map((label, place) => [place, label])];
    fill(view, part.views.map(([name, label, , total]) => [name, `${label} (${number(total)})`]));
    for (const select of [right, wrong]) {
      fill(select, models);
      select.parentElement.hidden = part.models.length === 1;
    }
    for (const select of [gold, answered]) {
      fill(select, labels);
      select.parentElement.hidden = part.labels.length === 0;
    }
    order.value = "divided";
    order.parentElement.hidden = !part.sure;
    filter();
  };
  which.addEventListener("change", choose);
  for (const select of [view, right, wrong, gold, answered, order]) select.addEventListener("change", filter);
  text.addEventListener("input", filter);
  more.addEventListener("click", showMore);
  const form = document.getElementById("browser");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  choose();
}

if (document.getElementById("browser")) startBrowser();
