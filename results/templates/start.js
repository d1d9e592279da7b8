document.addEventListener("click", async event => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(find("pre", button.parentElement).textContent);
  button.textContent = "Copied";
  setTimeout(() => button.textContent = "Copy", 1500);
});

// Brings the page to life, at first and again when a newer one of the same sweep takes its place.
const wire = () => {
  findAll(".sortable").forEach(makeSortable);
  findAll("figure svg").forEach(linkPoints);
  findAll("figure[aria-label]").forEach(addTools);
  drawHead();
  drawFilter();
  slice.options();
  match();
};
// Takes over the parts of a newer page; the reader's scroll, filter and open dialog stay.
window.adopt = newer => {
  const ids = new Map(facts.trials.id.map((id, i) => [i, id]));
  facts = JSON.parse(find("#facts", newer).textContent);
  const places = new Map(facts.trials.id.map((id, i) => [id, i]));
  view.chosen = new Set([...view.chosen].map(i => places.get(ids.get(i))).filter(i => i !== undefined));
  for (const part of findAll("[data-part]")) {
    const other = find(`[data-part="${part.dataset.part}"]`, newer);
    if (other) part.innerHTML = other.innerHTML;
  }
  document.title = newer.title;
  wire();
};
wire();
