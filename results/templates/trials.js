// The table of all trials: only the rows in sight exist, so that ten thousand scroll as ten do.
const ROW = 30, SPARE = 8;
const box = find("#trials .scroll"), table = find("#trials table");
let first = -1, current = 0;

const columns = () => once("columns", () => {
  const phases = facts.phases.length > 1 ? ["phase"] : [];
  const searched = searchedNames(), others = settingNames().filter(name => !searched.includes(name));
  return ["method", "score", "status", "seed", ...searched, ...phases, "rung", "images", timeUnit(), "config", "trial", ...others];
});
const NUMBERS = new Set(["score", "seed", "rung", "images", "seconds", "cpu_seconds"]);
const isNumber = key => once(`number ${key}`, () =>
  NUMBERS.has(key) || (facts.configs.settings[key] || []).some(value => typeof value === "number"));
const cellText = (key, i) => {
  const value = valueOf(key)(i);
  if (key === "score") return score(value);
  if (["images", "rung"].includes(key)) return value === null ? "–" : value.toLocaleString("en-US");
  return ["seconds", "cpu_seconds"].includes(key) ? score(value) : setting(value);
};

const drawHead = () => {
  const row = make("tr");
  row.append(make("th", "", {"aria-label": "Compare"}));
  for (const key of columns()) {
    const head = make("th", key === "score" ? facts.metric : key.replace(/_/g, " "), {tabindex: 0, title: `Sort by ${key}`});
    if (isNumber(key)) head.className = "number";
    if (view.order.key === key) head.setAttribute("aria-sort", view.order.up ? "ascending" : "descending");
    const sort = () => {
      view.order = {key, up: view.order.key === key ? !view.order.up : true};
      drawHead();
      match();
      find(`th[title="${CSS.escape(`Sort by ${key}`)}"]`, table)?.focus();
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", event => event.key === "Enter" && sort());
    row.append(head);
  }
  find("thead", table).replaceChildren(row);
};

const drawRows = force => {
  const start = Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE);
  if (!force && start === first) return;
  first = start;
  const end = Math.min(view.matching.length, start + Math.ceil((box.clientHeight || 600) / ROW) + 2 * SPARE);
  const keys = columns(), rows = [];
  const spacer = height => {
    const row = make("tr", "", {"aria-hidden": "true", class: "spacer"});
    row.style.height = `${height}px`;
    return row;
  };
  rows.push(spacer(start * ROW));
  for (let place = start; place < end; place++) {
    const i = view.matching[place], row = make("tr", "", {"data-row": i, id: `row-${i}`});
    const mark = make("input", "", {type: "checkbox", "aria-label": "Compare this trial", tabindex: -1});
    mark.checked = view.chosen.has(i);
    const cell = make("td");
    cell.append(mark);
    row.append(cell);
    for (const key of keys) {
      const data = make("td", cellText(key, i));
      if (isNumber(key)) data.className = "number";
      if (key === "method") data.prepend(Object.assign(make("i", ""), {style: `background:${facts.colours[methodOf(i)]}`}));
      row.append(data);
    }
    row.className = [facts.trials.status[i], place === current ? "current" : "", i === view.hovered ? "hovered" : ""].join(" ");
    rows.push(row);
  }
  rows.push(spacer((view.matching.length - end) * ROW));
  find("tbody", table).replaceChildren(...rows);
};
const go = place => {
  current = Math.max(0, Math.min(view.matching.length - 1, place));
  const top = current * ROW, bottom = top + 2 * ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
  drawRows(true);
  box.setAttribute("aria-activedescendant", `row-${view.matching[current]}`);
  hover(view.matching[current] ?? -1);
};
const choose = i => {
  view.chosen.has(i) ? view.chosen.delete(i) : view.chosen.add(i);
  tell("chosen");
};
box.addEventListener("scroll", () => requestAnimationFrame(() => drawRows(false)));
box.addEventListener("keydown", event => {
  const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity};
  if (event.target !== box) return;
  if (event.key in steps) go(current + steps[event.key]);
  else if (event.key === "Enter" && view.matching.length) showTrials([view.matching[current]]);
  else if (event.key === " " && view.matching.length) choose(view.matching[current]);
  else return;
  event.preventDefault();
});
box.addEventListener("click", event => {
  const row = event.target.closest("tr[data-row]");
  if (!row) return;
  const i = Number(row.dataset.row);
  current = view.matching.indexOf(i);
  if (event.target.closest("td") === row.cells[0]) choose(i);
  else showTrials([i]);
});
box.addEventListener("pointermove", event => {
  const row = event.target.closest("tr[data-row]");
  hover(row ? Number(row.dataset.row) : -1);
});
box.addEventListener("pointerleave", () => hover(-1));
listeners.hovered.push(() => {
  for (const row of findAll("tr.hovered", table)) row.classList.remove("hovered");
  if (view.hovered >= 0) find(`#row-${view.hovered}`)?.classList.add("hovered");
});
listeners.matching.push(() => {
  current = Math.min(current, Math.max(0, view.matching.length - 1));
  const few = view.matching.length === facts.trials.id.length ? "" : ` of ${facts.trials.id.length.toLocaleString("en-US")}`;
  find("#amount").textContent = `${view.matching.length.toLocaleString("en-US")}${few} trials`;
  box.style.height = `min(62vh, ${(view.matching.length + 2) * ROW + 16}px)`;
  drawRows(true);
});
listeners.chosen.push(() => {
  find("#compare").disabled = view.chosen.size < 1;
  find("#compare").textContent = view.chosen.size ? `Compare ${view.chosen.size}` : "Compare";
  drawRows(true);
});
find("#compare").addEventListener("click", () => showTrials([...view.chosen]));
find("#save-trials").addEventListener("click", () => {
  const keys = [...Object.keys(COLUMNS), ...settingNames()];
  save("trials.csv", csv([keys, ...view.matching.map(i => keys.map(key => valueOf(key)(i)))]), "text/csv");
});
