// Small tables that are sorted by a click on a heading; the value sorted by is the cell's data-value, else its text.
const makeSortable = table => {
  for (const head of findAll("tr:first-child th", table)) {
    const body = head.closest("tbody"), place = head.cellIndex;
    head.tabIndex = 0;
    head.title = "Sort";
    const text = row => row.cells[place] ? row.cells[place].innerText.trim() : "";
    const number = row => {
      const given = row.cells[place]?.dataset.value ?? text(row).replace(/,/g, "").match(/^-?[0-9.]+(e[+-]?[0-9]+)?/)?.[0];
      return given === undefined || isNaN(given) ? Infinity : Number(given);
    };
    const sort = () => {
      const up = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of findAll("th", table)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up > 0 ? "ascending" : "descending");
      const rows = [...body.rows].slice(1), last = rows.filter(row => row.className === "total");
      const numeric = head.classList.contains("number");
      rows.filter(row => row.className !== "total")
        .sort((a, b) => up * (numeric ? (number(a) - number(b) || 0) : text(a).localeCompare(text(b))))
        .concat(last).forEach(row => body.append(row));
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", event => event.key === "Enter" && sort());
  }
};
