// What all parts of the page share: the facts of the sweep, which trials match the filter, and who wants to know.
const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (name, text = "", attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const draw = (name, attributes, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

let facts = JSON.parse(find("#facts").textContent);

// Four significant digits, thousands separated; a dash where there is no number.
const score = value => {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Math.abs(value) >= 1000 && Math.abs(value) < 1e9) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(4)));
};
// The fewest digits that read back as the same number.
const setting = value => {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  const short = value.toPrecision(4);
  return Number(short) === value ? String(Number(short)) : String(value);
};

const shownFilter = () => ({off: new Set(), status: "", text: "", ranges: new Map()});
const view = {filter: shownFilter(), order: {key: "score", up: true}, matching: [], chosen: new Set(), hovered: -1};
const listeners = {matching: [], hovered: [], chosen: []};
const tell = what => listeners[what].forEach(listener => listener());

const configOf = i => facts.trials.config[i];
const methodOf = i => facts.configs.method[configOf(i)];
const COLUMNS = {
  method: i => facts.methods[methodOf(i)],
  score: i => facts.trials.status[i] === "failed" ? "failed" : facts.trials.value[i],
  status: i => facts.trials.status[i],
  seed: i => facts.trials.seed[i],
  rung: i => facts.trials.rung[i],
  phase: i => facts.phases[facts.trials.phase[i]],
  images: i => facts.trials.images[i],
  seconds: i => facts.trials.seconds[i],
  cpu_seconds: i => facts.trials.cpu_seconds[i],
  config: i => facts.configs.id[configOf(i)],
  trial: i => facts.trials.id[i],
};
const valueOf = key => COLUMNS[key] || (i => facts.configs.settings[key]?.[configOf(i)] ?? null);
// CPU time where it was measured: other programs on the machine do not make it longer.
const timeUnit = () => once("time", () => facts.trials.cpu_seconds.some(value => value !== null) ? "cpu_seconds" : "seconds");
const settingNames = () => Object.keys(facts.configs.settings);
// What follows from the facts alone is computed once for them.
let remembered = {of: null, values: new Map()};
const once = (name, compute) => {
  if (remembered.of !== facts) remembered = {of: facts, values: new Map()};
  if (!remembered.values.has(name)) remembered.values.set(name, compute());
  return remembered.values.get(name);
};
// Settings that some method tries several values of, each once: of two that always agree the first.
const searchedNames = () => once("searched", () => {
  const varied = settingNames().filter(name => {
    const first = new Map();
    return facts.configs.settings[name].some((value, c) => {
      const method = facts.configs.method[c];
      if (!first.has(method)) first.set(method, value);
      return first.get(method) !== value;
    });
  });
  const seen = new Set();
  return varied.filter(name => {
    const all = JSON.stringify(facts.configs.settings[name]);
    return !seen.has(all) && seen.add(all);
  });
});

// Round numbers between two: 1, 2, 5 times powers of ten, or steps of such a number.
const round = (low, high, log) => {
  if (low === high) return [low];
  const powers = [];
  if (log) for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    powers.push(...(high / low > 1e4 ? [1] : [1, 2, 5]).map(digit => digit * 10 ** power));
  const between = powers.filter(value => value >= low && value <= high);
  if (between.length > 1) return between;
  const raw = (high - low) / 4, ten = 10 ** Math.floor(Math.log10(raw)), step = ten * [1, 2, 5, 10].find(digit => digit * ten >= raw);
  const steps = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) steps.push(Number((k * step).toPrecision(6)));
  return steps;
};

// Where the values of a column stand between 0 and 1: numbers on a line or a logarithmic one, words side by side.
// units: where each trial stands, null for one that has no value.
const scaleOf = key => once(`scale ${key}`, () => {
  const scale = computeScale(key), value = valueOf(key);
  return {...scale, units: facts.trials.id.map((_, i) => scale.at(value(i)))};
});
const computeScale = key => {
  const value = valueOf(key), all = facts.trials.id.map((_, i) => value(i)).filter(each => each !== null);
  const numbers = all.filter(each => typeof each === "number");
  if (numbers.length && numbers.length === all.filter(each => each !== "failed").length) {
    const low = numbers.reduce((a, b) => Math.min(a, b)), high = numbers.reduce((a, b) => Math.max(a, b));
    const log = low > 0 && high > (key === "score" ? 5 : 20) * low, to = log ? Math.log : Number;
    const span = to(high) - to(low) || 1;
    const at = each => each === "failed" ? 1.08 : typeof each === "number" ? (to(each) - to(low)) / span : null;
    const back = unit => log ? Math.exp(to(low) + unit * span) : low + unit * span;
    const ticks = [[0, score(low)], [1, score(high)], ...(all.length > numbers.length ? [[1.08, "failed"]] : [])];
    const marks = [...round(low, high, log).map(value => [at(value), score(value)]), ...ticks.slice(2)];
    return {key, at, back, ticks, marks, numeric: true, log};
  }
  const words = [...new Set(all.map(String))].sort(), last = Math.max(words.length - 1, 1);
  return {key, at: each => each === null ? null : words.indexOf(String(each)) / last, numeric: false, words,
          ticks: words.map((word, i) => [i / last, word])};
};

const within = (value, [low, high]) =>
  Array.isArray(low) ? low.includes(String(value)) : typeof value === "number" && value >= low && value <= high;

const match = () => {
  const {off, status, text, ranges} = view.filter, wanted = text.trim().toLowerCase();
  const limits = [...ranges].map(([key, range]) => [valueOf(key), range]);
  const matching = [];
  for (let i = 0; i < facts.trials.id.length; i++) {
    if (off.has(facts.methods[methodOf(i)]) || (status && facts.trials.status[i] !== status)) continue;
    if (wanted && ![COLUMNS.trial(i), COLUMNS.config(i), COLUMNS.method(i)].some(id => id.toLowerCase().includes(wanted))) continue;
    if (limits.every(([value, range]) => within(value(i), range))) matching.push(i);
  }
  const value = valueOf(view.order.key), up = view.order.up ? 1 : -1;
  const rank = each => each === null ? 2 : each === "failed" ? 1 : 0;
  const keys = new Map(matching.map(i => [i, value(i)]));
  matching.sort((i, j) => {
    const a = keys.get(i), b = keys.get(j), unlike = rank(a) - rank(b);
    if (unlike || rank(a)) return unlike || i - j;
    return up * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))) || i - j;
  });
  view.matching = matching;
  tell("matching");
};
const hover = i => {
  if (i === view.hovered) return;
  view.hovered = i;
  tell("hovered");
};
const about = i => `${COLUMNS.method(i)} ${COLUMNS.config(i)} seed ${COLUMNS.seed(i)}: ${score(COLUMNS.score(i))}`;

const tip = find("#tip");
const showTip = (text, event) => {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${event.clientY > 60 ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18}px`;
};

const save = (name, content, type) => {
  const address = content instanceof Blob ? URL.createObjectURL(content) : URL.createObjectURL(new Blob([content], {type}));
  const link = make("a", "", {href: address, download: `${facts.study.replace(/[^0-9A-Za-z]+/g, "-")}-${name}`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};
const csv = rows => rows.map(row => row.map(cell => {
  const text = cell === null || cell === undefined ? "" : String(cell);
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}).join(",")).join("\n") + "\n";
