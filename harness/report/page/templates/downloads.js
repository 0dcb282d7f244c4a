
// Downloads beside every table and figure. They hold what is shown: rows in their order, without those that are filtered out.
function nameOf(part) {
  const region = part.closest("[aria-label]") ?? part.querySelector("[aria-label]");
  const heading = part.closest("article, .comparison, .setting, section")?.querySelector("h2, h3");
  const text = region?.getAttribute("aria-label") || heading?.textContent || "encoders";
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 80) || "encoders";
}

function save(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// A cell: its text as shown, the number behind it, the mark after it, and whether it is the best.
function cellOf(cell) {
  const copy = cell.cloneNode(true);
  for (const drawn of copy.querySelectorAll("svg, .hidden")) drawn.remove();
  const mark = copy.querySelector("sup")?.textContent ?? "";
  for (const one of copy.querySelectorAll("sup, br")) one.remove();
  for (const small of copy.querySelectorAll("small")) small.prepend(" ");
  const number = cell.dataset.value === undefined || cell.dataset.value === "" ? NaN : Number(cell.dataset.value);
  return {
    text: copy.textContent.replace(/\s+/g, " ").trim(),
    value: Number.isNaN(number) ? null : number,
    mark,
    best: cell.querySelector("strong") !== null,
    right: cell.classList.contains("number"),
  };
}

function tableOf(table) {
  const shown = [...table.tHead.rows[0].cells].map((cell) => !cell.hidden && !cell.classList.contains("strips"));
  const rowOf = (row) => [...row.cells].filter((cell, column) => shown[column]).map(cellOf);
  return { head: rowOf(table.tHead.rows[0]), rows: [...table.tBodies[0].rows].filter((row) => !row.hidden).map(rowOf) };
}

function csvOf({ head, rows }) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  // A spreadsheet runs a text that begins like a formula, unless an apostrophe is before it.
  const safe = (text) => (/^[=+\-@\t\r\n]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);
  const line = (cells, read) => cells.map((cell) => quoted(safe(read(cell)))).join(",");
  const lines = [line(head, (cell) => cell.text), ...rows.map((row) => line(row, (cell) => String(cell.value ?? cell.text)))];
  return lines.join("\n") + "\n";
}

function markdownOf({ head, rows }) {
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/([\\`*_[\]|])/g, "\\$1");
  const body = (cell) => (cell.best ? `**${plain(cell.text)}**` : [plain(cell.text), cell.mark].filter(Boolean).join(" "));
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head.map((cell) => plain(cell.text))), line(head.map((cell) => (cell.right ? "---:" : "---"))),
    ...rows.map((row) => line(row.map(body)))].join("\n") + "\n";
}

const TEX = {
  "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "#": "\\#", "%": "\\%", _: "\\_",
  "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}",
  "†": "\\textsuperscript{$\\dagger$}", "‡": "\\textsuperscript{$\\ddagger$}", "–": "--",
};

function texOf({ head, rows }, name, caption) {
  const plain = (text) => text.replace(/[\\{}$&#%_^~<>|†‡–]/g, (letter) => TEX[letter]);
  const body = (cell) => (cell.best ? `\\textbf{${plain(cell.text)}}` : plain(cell.text) + plain(cell.mark));
  const line = (cells) => `${cells.join(" & ")} \\\\`;
  return ["% needs \\usepackage{booktabs}", "\\begin{table}", "\\centering", `\\caption{${plain(caption)}}`, `\\label{tab:${name}}`,
    `\\begin{tabular}{${head.map((cell) => (cell.right ? "r" : "l")).join("")}}`, "\\toprule",
    line(head.map((cell) => plain(cell.text))), "\\midrule", ...rows.map((row) => line(row.map(body))), "\\bottomrule",
    "\\end{tabular}", "\\end{table}"].join("\n") + "\n";
}

function jsonOf({ head, rows }) {
  const named = rows.map((row) => Object.fromEntries(row.map((cell, column) => [head[column].text, cell.value ?? cell.text])));
  return JSON.stringify(named, null, 1) + "\n";
}

function toolbar(what, actions) {
  const bar = document.createElement("details");
  bar.className = "download";
  const title = document.createElement("summary");
  title.textContent = "Download";
  title.setAttribute("aria-label", `Download ${what}`);
  bar.append(title);
  for (const [label, action] of actions) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", action);
    bar.append(button);
  }
  return bar;
}

for (const table of document.querySelectorAll("main table")) {
  const holder = table.closest(".scroll") ?? table;
  const name = nameOf(table);
  const caption = () => {
    const marks = table.querySelector("tbody strong, tbody sup") ? ". Bold: the highest median; † ties with it, ‡ cannot be told from it" : "";
    return `${holder.getAttribute("aria-label") ?? name}${marks}.`;
  };
  holder.after(toolbar(holder.getAttribute("aria-label") ?? name, [
    ["CSV", () => save(`${name}.csv`, csvOf(tableOf(table)), "text/csv")],
    ["TeX", () => save(`${name}.tex`, texOf(tableOf(table), name, caption()), "application/x-tex")],
    ["Markdown", () => save(`${name}.md`, markdownOf(tableOf(table)), "text/markdown")],
    ["JSON", () => save(`${name}.json`, jsonOf(tableOf(table)), "application/json")],
  ]));
}

// A figure by itself: styles, marks and the colours of the theme are written into it, and labels outside of its frame get room.
const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family", "font-size", "text-anchor"];

function standalone(svg) {
  const box = svg.getBoundingClientRect();
  const room = getComputedStyle(svg.parentElement);
  const [left, top, right, bottom] = ["left", "top", "right", "bottom"].map((side) => parseFloat(room.getPropertyValue(`padding-${side}`)));
  const frame = { width: left + box.width + right, height: top + box.height + bottom };
  const copy = svg.cloneNode(true);
  const originals = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((made, place) => {
    const style = getComputedStyle(originals[place]);
    if (made !== copy) for (const name of DRAWN) made.setAttribute(name, style.getPropertyValue(name));
    made.removeAttribute("class");
  });
  for (const use of [...copy.querySelectorAll("use")]) {
    const mark = document.querySelector(use.getAttribute("href")).cloneNode(true);
    mark.removeAttribute("id");
    for (const name of DRAWN) if (use.hasAttribute(name)) mark.setAttribute(name, use.getAttribute(name));
    use.replaceWith(mark);
  }
  const inside = { x: left, y: top, width: box.width, height: box.height, overflow: "visible" };
  for (const [name, value] of Object.entries(inside)) copy.setAttribute(name, value);
  const outer = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const size = { width: frame.width, height: frame.height, viewBox: `0 0 ${frame.width} ${frame.height}` };
  for (const [name, value] of Object.entries(size)) outer.setAttribute(name, value);
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const paper = { width: "100%", height: "100%", fill: getComputedStyle(document.body).backgroundColor };
  for (const [name, value] of Object.entries(paper)) ground.setAttribute(name, value);
  outer.append(ground, copy);
  return { text: new XMLSerializer().serializeToString(outer), width: frame.width, height: frame.height };
}

function savePng(name, { text, width, height }) {
  const image = new Image();
  image.addEventListener("load", () => {
    const canvas = document.createElement("canvas");
    const scale = 2;
    [canvas.width, canvas.height] = [width * scale, height * scale];
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.drawImage(image, 0, 0, width, height);
    canvas.toBlob((blob) => save(name, blob, "image/png"));
  });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

for (const chart of document.querySelectorAll("main .chart")) {
  const svg = chart.querySelector("svg");
  const what = svg.getAttribute("aria-label");
  const name = nameOf(svg);
  const holder = document.createElement("div");
  chart.replaceWith(holder);
  holder.append(chart, toolbar(`the figure: ${what}`, [
    ["SVG", () => save(`${name}.svg`, standalone(svg).text, "image/svg+xml")],
    ["PNG", () => savePng(`${name}.png`, standalone(svg))],
  ]));
}
