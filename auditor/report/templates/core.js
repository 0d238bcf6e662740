// What all parts of the page share: the data, the chosen trial, and packed curves.
const data = JSON.parse(document.getElementById("data").textContent);
const curves = data.curves;
const board = data.tables.length ? data.tables[0] : null; // the leaderboard comes first
const first = (selector, inside = document) => inside.querySelector(selector);
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// An element with text: no text of the report is ever read as markup.
const made = (tag, text = "", attributes = {}) => {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

// What stands under a name that may be any text: a value "constructor" is no constructor.
const lookUp = (record, name) => (Object.hasOwn(record, name) ? record[name] : undefined);

// Columns hold their texts one by one, or places in a list of the distinct ones.
const textOf = (column, row) => column.texts[column.at ? column.at[row] : row];
const keyOf = (column, row) => {
  const key = (column.keys ?? column.texts)[column.at ? column.at[row] : row];
  return key === "Infinity" ? Infinity : key === "-Infinity" ? -Infinity : key;
};
const columnOf = (table, name) => table.columns.find((column) => column.name === name);
const nameOf = (place) => textOf(columnOf(board, "trial"), place);
const outcomeOf = (place) => textOf(columnOf(board, "outcome"), place);

// The chosen trial, by its place in the leaderboard; parts of the page follow it.
const followers = [];
const page = { chosen: null };
const choose = (place) => {
  if (place === page.chosen || !board || !(place in board.trials)) return;
  page.chosen = place;
  for (const follow of followers) follow(place);
};

// Packed curves; the format is that of auditor/report/packing.py.
const STEPS = 65534;
const rowsOf = (place) => {
  const at = curves ? curves.trials.indexOf(place) : -1;
  if (at < 0) return [];
  const [from, to] = [curves.starts[at], curves.starts[at + 1]];
  return Array.from({ length: to - from }, (_, i) => from + i);
};
const curveOf = (side, row) => {
  const x = side.epochs[side.at[row]];
  const characters = (side.width * 8) / 3;
  const bytes = atob(side.rows.slice(row * characters, (row + 1) * characters));
  const [low, high] = [side.low[row], side.high[row]];
  const log = low > 0;
  const [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
  const y = x.map((_, i) => {
    const step = bytes.charCodeAt(2 * i) + 256 * bytes.charCodeAt(2 * i + 1);
    if (!step) return null;
    const share = (step - 1) / STEPS;
    const value = from * (1 - share) + to * share;
    return Number((log ? Math.exp(value) : value).toPrecision(5));
  });
  return { x, y };
};

const say = (text) => { first("#said").textContent = text; };
const typing = () => ["INPUT", "SELECT"].includes(document.activeElement?.tagName);
