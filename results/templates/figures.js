// Figures drawn beforehand: points that know their trial, and buttons to save picture and data.
const linkPoints = picture => {
  const points = findAll("use[data-trial]", picture).map(use => ({
    use, trial: Number(use.dataset.trial), x: Number(use.getAttribute("x")), y: Number(use.getAttribute("y")),
  }));
  if (!points.length) return;
  const nearest = (event, reach) => {
    const inner = picture.getScreenCTM().inverse(), at = new DOMPoint(event.clientX, event.clientY).matrixTransform(inner);
    let best = null, least = (reach * inner.a) ** 2;
    for (const point of points) {
      const far = (point.x - at.x) ** 2 + (point.y - at.y) ** 2;
      if (far < least) [best, least] = [point, far];
    }
    return best;
  };
  picture.addEventListener("pointermove", event => {
    const point = nearest(event, 12);
    picture.style.cursor = point ? "pointer" : "";
    hover(point ? point.trial : -1);
    showTip(point && about(point.trial), event);
  });
  picture.addEventListener("pointerleave", () => (hover(-1), showTip("")));
  picture.addEventListener("click", event => {
    const point = nearest(event, 22);
    if (point) showTrials([point.trial]);
  });
};
listeners.hovered.push(() => {
  findAll("use.chosen").forEach(use => use.classList.remove("chosen"));
  if (view.hovered >= 0) findAll(`use[data-trial="${view.hovered}"]`).forEach(use => use.classList.add("chosen"));
});
listeners.matching.push(() => {
  const matching = new Set(view.matching);
  findAll("use[data-trial]").forEach(use => use.classList.toggle("out", !matching.has(Number(use.dataset.trial))));
});

const svgText = picture => {
  const copy = picture.cloneNode(true), box = picture.viewBox.baseVal;
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  return new XMLSerializer().serializeToString(copy);
};
const savePng = (picture, name) => {
  const box = picture.viewBox.baseVal, image = new Image(), canvas = make("canvas");
  [canvas.width, canvas.height] = [3 * box.width, 3 * box.height];
  image.onload = () => {
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(blob => save(`${name}.png`, blob));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(picture))}`;
};
const addTools = figure => {
  const picture = find("svg", figure), name = figure.getAttribute("aria-label");
  if (!picture || find(".tools", figure) || !find("figcaption", figure)?.textContent) return;
  const tools = make("div", "", {class: "tools"}), data = facts.tables[name];
  const button = (text, title, act) => {
    const element = make("button", text, {type: "button", title});
    element.addEventListener("click", act);
    tools.append(element);
  };
  button("SVG", "Save the figure as SVG", () => save(`${name}.svg`, svgText(picture), "image/svg+xml"));
  button("PNG", "Save the figure as PNG", () => savePng(picture, name));
  if (data) button("CSV", "Save the figure's data as CSV", () => save(`${name}.csv`, data, "text/csv"));
  figure.append(tools);
};
