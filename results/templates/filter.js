// The filter of trials: methods, status, words of an id, and ranges of any column.
const form = find("#filter");
const drawFilter = () => {
  const {off, ranges} = view.filter;
  const chips = facts.methods.map((method, m) => {
    const chip = make("button", method, {type: "button", "aria-pressed": String(!off.has(method))});
    chip.style.setProperty("--dot", facts.colours[m]);
    chip.addEventListener("click", () => {
      off.has(method) ? off.delete(method) : off.add(method);
      drawFilter();
      match();
    });
    return chip;
  });
  find(".methods", form).replaceChildren(...chips);
  const choice = find("[name=column]", form), kept = choice.value;
  choice.replaceChildren(...["score", ...settingNames()].map(name => make("option", name === "score" ? facts.metric : name, {value: name})));
  if (kept && [...choice.options].some(option => option.value === kept)) choice.value = kept;
  const marks = [...ranges].map(([key, [low, high]]) => {
    const words = Array.isArray(low) ? low.join(", ") : `${score(low)} to ${score(high)}`;
    const mark = make("button", `${key === "score" ? facts.metric : key}: ${words} ×`, {type: "button", class: "range", "aria-label": `Remove the range of ${key}`});
    mark.addEventListener("click", () => setRange(key, null));
    return mark;
  });
  find(".ranges", form).replaceChildren(...marks);
  drawBounds();
};
// Two numbers for a column of numbers, a choice for one of words.
const drawBounds = () => {
  const scale = scaleOf(find("[name=column]", form).value), place = find(".bounds", form);
  if (scale.numeric) {
    const [low, high] = [0, 1].map(unit => make("input", "", {type: "number", step: "any", "aria-label": unit ? "highest" : "lowest", placeholder: scale.ticks[unit][1]}));
    place.replaceChildren(low, make("span", "to"), high);
  } else place.replaceChildren((() => {
    const words = make("select", "", {"aria-label": "value"});
    words.append(...(scale.words || []).map(word => make("option", word)));
    return words;
  })());
};
const setRange = (key, range) => {
  range ? view.filter.ranges.set(key, range) : view.filter.ranges.delete(key);
  drawFilter();
  match();
};
find("[name=column]", form).addEventListener("change", drawBounds);
form.addEventListener("submit", event => {
  event.preventDefault();
  const key = find("[name=column]", form).value, given = findAll(".bounds input, .bounds select", form);
  if (given.length === 2) {
    const [low, high] = given.map((input, i) => input.value === "" ? (i ? Infinity : -Infinity) : Number(input.value));
    setRange(key, low === -Infinity && high === Infinity ? null : [low, high]);
  } else if (given[0]?.value) setRange(key, [[given[0].value]]);
});
find("[name=status]", form).addEventListener("change", event => (view.filter.status = event.target.value, match()));
find("[name=text]", form).addEventListener("input", event => (view.filter.text = event.target.value, match()));
find("[name=all]", form).addEventListener("click", () => {
  view.filter = shownFilter();
  find("[name=status]", form).value = find("[name=text]", form).value = "";
  drawFilter();
  match();
});
