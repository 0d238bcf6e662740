// Long tables, by Tabulator: only the rows in view are elements. It would take strings for markup,
// so that everything given to it is an element or a number.
const grids = new Map(); // those that stand, by their number
const mounted = new Set();
const onStanding = []; // called when the leaderboard stands
const SVG = "http://www.w3.org/2000/svg";
const FEW = 12; // rows that need no window of their own to scroll in

const sparkline = (row) => {
  const [width, height, margin] = curves.spark;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("class", "spark");
  svg.setAttribute("aria-hidden", "true");
  const [low, high] = curves.scale;
  for (const side of curves.metrics[0].sides) {
    const { x, y } = curveOf(side, row);
    let path = "";
    let pen = "M";
    x.forEach((epoch, i) => {
      if (y[i] === null) { pen = "M"; return; }
      const across = margin + ((width - 2 * margin) * (epoch - 1)) / Math.max(curves.epochs - 1, 1);
      const share = (Math.min(Math.max(y[i], low), high) - low) / (high - low || 1);
      path += `${pen}${across.toFixed(0)} ${(height - margin - (height - 2 * margin) * share).toFixed(1)}`;
      pen = "L";
    });
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("class", side.kind);
    line.setAttribute("d", path.lastIndexOf("M") === 0 && !path.includes("L") ? `${path}h0` : path);
    svg.append(line);
  }
  return svg;
};

const shownCell = (column, row) => {
  const text = textOf(column, row);
  const tone = lookUp(column.tones ?? {}, text);
  return tone ? made("span", text, { class: `badge ${tone}` }) : document.createTextNode(text);
};

// Unknown values stay last in either direction.
const sorter = (a, b, _a, _b, _column, direction) => {
  if (a === null || b === null) return ((a === null) - (b === null)) * (direction === "asc" ? 1 : -1);
  if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a < b ? -1 : 1;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
};

const columnFor = (column, i) => ({
  field: `c${i}`,
  title: " ",
  titleFormatter: () =>
    made("button", column.name, { type: "button", ...(column.about ? { title: column.about } : {}) }),
  formatter: (cell) => shownCell(column, cell.getData().id),
  sorter,
  hozAlign: column.right ? "right" : "left",
  headerHozAlign: column.right ? "right" : "left",
  ...((column.right || column.number) && { minWidth: leastWidth(column) }),
  headerFilter: filterFor(column),
  headerFilterFunc: passes(column),
  cssClass: column.name === "trial" ? "trial" : "",
});

const curveColumn = () => ({
  field: "curve",
  title: " ",
  titleFormatter: () => made("span", "curves"),
  headerSort: false,
  width: 116,
  formatter: (cell) => {
    const rows = rowsOf(cell.getData().place);
    return rows.length ? sparkline(rows[0]) : document.createTextNode("–");
  },
});

const mount = (holder) => {
  const number = Number(holder.dataset.grid);
  const table = data.tables[number];
  if (mounted.has(number)) return;
  mounted.add(number);
  const rows = table.trials.map((place, id) => {
    const row = { id, place };
    table.columns.forEach((column, i) => { row[`c${i}`] = keyOf(column, id); });
    return row;
  });
  const columns = table.columns.map(columnFor);
  if (table === board && curves) columns.splice(4, 0, curveColumn());
  const grid = new Tabulator(first(".rows", holder), {
    data: rows,
    columns,
    columnDefaults: { resizable: "header", headerSortTristate: true },
    layout: "fitDataFill",
    height: rows.length > FEW ? "29rem" : undefined,
    rowHeight: table === board ? 34 : undefined,
    placeholder: made("p", "No row fits these filters."),
    rowFormatter: (row) => markRow(row.getElement(), row.getData().place),
  });
  follow(grid, holder, table);
  grid.on("tableBuilt", () => {
    grids.set(number, grid);
    // Tabulator leaves the focusable part of its grid without a role.
    const [whole, body] = [first(".tabulator", holder), first(".tabulator-tableholder", holder)];
    whole.removeAttribute("aria-owns");
    whole.setAttribute("aria-label", holder.dataset.about);
    body.setAttribute("role", "rowgroup");
    first(".tabulator-table", body).removeAttribute("role");
    if (table === board) for (const listener of onStanding) listener(grid);
  });
};

const markRow = (element, place) => {
  const on = place !== null && place === page.chosen;
  element.classList.toggle("chosen", on);
  element.setAttribute("aria-selected", String(on));
};

const follow = (grid, holder, table) => {
  const search = first("input.search", holder);
  const words = [];
  const wordsOf = (id) =>
    (words[id] ??= table.columns.map((column) => textOf(column, id)).join(" ").toLowerCase());
  search?.addEventListener("input", () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    grid.setFilter((row) => wanted.every((word) => wordsOf(row.id).includes(word)));
  });
  grid.on("dataFiltered", (_filters, rows) => {
    const of = table.trials.length.toLocaleString("en");
    first(".shown", holder).textContent = `${rows.length.toLocaleString("en")} of ${of} rows`;
  });
  grid.on("rowClick", (_event, row) => choose(row.getData().place));
  holder.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(".tabulator-tableholder")) {
      first("#curves")?.scrollIntoView();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || typing()) return;
    event.preventDefault();
    stepIn(grid, step);
  });
};

// The trial before or after the chosen one, as the table is sorted and filtered.
const stepIn = (grid, step) => {
  const places = grid.getData("active").map((row) => row.place);
  const at = places.indexOf(page.chosen);
  const next = places[at < 0 ? 0 : Math.min(Math.max(at + step, 0), places.length - 1)];
  if (next !== undefined && next !== null) choose(next);
};

followers.push((place) => {
  for (const grid of grids.values()) {
    for (const row of grid.getRows("visible")) markRow(row.getElement(), row.getData().place);
  }
  grids.get(0)?.scrollToRow(place, "nearest", false).catch(() => {}); // it may be filtered out
});

document.documentElement.classList.add("scripted");
if (typeof Tabulator !== "undefined") {
  for (const holder of all("[data-grid]")) {
    const details = holder.closest("details");
    if (details) details.addEventListener("toggle", () => details.open && mount(holder));
    else mount(holder);
  }
}
