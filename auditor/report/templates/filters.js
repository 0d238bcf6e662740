// The filters of columns: native fields, for lists, numbers and texts.
const MOST_CHOICES = 24; // distinct texts of a column that are offered as a list

// The number as it is shown: shares are shown in percent.
const amountOf = (column, row) => {
  const key = keyOf(column, row);
  return key !== null && textOf(column, row).endsWith("%") ? 100 * key : key;
};

// What stands in a column's filter: "<= 0.3", "0.1 .. 0.3", a text; from a list the whole text.
const asTest = (wanted, column) => {
  const range = wanted.match(/^\s*(\S+)\s*\.\.\s*(\S+)\s*$/);
  const bound = wanted.match(/^\s*(<=|>=|<|>|=|≤|≥)\s*(\S+)\s*$/);
  if (column.number && range) {
    const [low, high] = [Number(range[1]), Number(range[2])];
    return (row) => {
      const amount = amountOf(column, row);
      return amount !== null && amount >= low && amount <= high;
    };
  }
  if (column.number && bound) {
    const limit = Number(bound[2]);
    const holds = {
      "<=": (key) => key <= limit, "≤": (key) => key <= limit, "<": (key) => key < limit,
      ">=": (key) => key >= limit, "≥": (key) => key >= limit, ">": (key) => key > limit,
      "=": (key) => key === limit,
    }[bound[1]];
    return (row) => amountOf(column, row) !== null && holds(amountOf(column, row));
  }
  const text = wanted.trim().toLowerCase();
  return (row) => textOf(column, row).toLowerCase().includes(text);
};

const filterFor = (column) => (cell, _rendered, success) => {
  const label = `Filter by ${column.name}`;
  if (column.at && column.texts.length <= MOST_CHOICES) {
    const select = made("select", "", { "aria-label": label });
    select.add(new Option("all", ""));
    for (const text of column.texts) select.add(new Option(text, `= ${text}`));
    select.value = cell.getValue() ?? "";
    select.addEventListener("change", () => success(select.value));
    return select;
  }
  const hint = column.number ? "e.g. <= 1" : "contains";
  const input = made("input", "", { type: "search", "aria-label": label, placeholder: hint });
  input.value = cell.getValue() ?? "";
  input.addEventListener("input", () => success(input.value));
  for (const event of ["keydown", "click"]) input.addEventListener(event, (e) => e.stopPropagation());
  return input;
};

const passes = (column) => (wanted, _value, row) => {
  const picked = column.at && column.texts.length <= MOST_CHOICES;
  if (picked) return `= ${textOf(column, row.id)}` === wanted;
  if (column.wanted !== wanted) [column.wanted, column.test] = [wanted, asTest(wanted, column)];
  return column.test(row.id);
};

// Tabulator fits columns to the rows that a filter leaves, and not again when all come back: a number
// that is cut would mislead.
const DIGIT = 8; // pixels
const AROUND = 20;
const leastWidth = (column) =>
  AROUND + DIGIT * column.texts.reduce((most, text) => Math.max(most, text.length), 0);
