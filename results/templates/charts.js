// Figures that follow the filter, drawn on canvases: all settings at once, and the score against one of them.
const MARGIN = {top: 52, bottom: 26, side: 46}, STROKES = 1500;

const prepare = (canvas, width, height) => {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  return pen;
};
const strength = amount => Math.max(0.06, Math.min(0.75, 60 / Math.max(amount, 1)));
// Draws in pieces, so that no piece holds up the page.
const inPieces = (amount, drawOne, token, isCurrent, done) => {
  let next = 0;
  const piece = () => {
    if (!isCurrent(token)) return;
    for (const end = Math.min(amount, next + STROKES); next < end; next++) drawOne(next);
    next < amount ? requestAnimationFrame(piece) : done();
  };
  piece();
};

const parallel = (() => {
  const canvas = find("#parallel"), over = find("#parallel-over");
  let axes = [], width = 0, height = 0, token = 0, grab = null;
  const x = a => MARGIN.side + a * (width - 2 * MARGIN.side) / Math.max(axes.length - 1, 1);
  const y = unit => height - MARGIN.bottom - unit * (height - MARGIN.top - MARGIN.bottom);
  const names = () => ["method", ...searchedNames()].filter(name => {
    const present = view.matching.length ? view.matching : facts.trials.id.map((_, i) => i);
    return new Set(present.map(i => valueOf(name)(i))).size > 1;
  });
  const line = (pen, i) => {
    let on = false;
    pen.beginPath();
    axes.forEach((axis, a) => {
      const unit = axis.units[i];
      if (unit === null) return;  // a setting that the config does not have
      on ? pen.lineTo(x(a), y(unit)) : pen.moveTo(x(a), y(unit));
      on = true;
    });
    pen.stroke();
  };
  const drawAxes = pen => {
    pen.textAlign = "center";
    axes.forEach((axis, a) => {
      pen.strokeStyle = "#8c959f";
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x(a), y(0));
      pen.lineTo(x(a), y(1));
      pen.stroke();
      pen.fillStyle = "#1b1f24";
      const label = axis.key === "score" ? facts.metric : axis.key.replace(/_/g, " ");
      pen.fillText(label, x(a), a % 2 ? 12 : 28);
      for (const [unit, word] of axis.ticks) {
        const half = pen.measureText(word).width / 2 + 2, below = unit === 0 && axis.numeric, top = y(unit) + (below ? 16 : unit >= 1 && axis.numeric ? -2 : 4);
        pen.fillStyle = "rgba(255, 255, 255, .82)";
        pen.fillRect(x(a) - half, top - 10, 2 * half, 13);
        pen.fillStyle = "#57606a";
        pen.fillText(word, x(a), top);
      }
      const range = view.filter.ranges.get(axis.key);
      if (range && !Array.isArray(range[0])) {
        const [low, high] = range.map((value, end) => Number.isFinite(value) ? Math.max(0, Math.min(1, axis.at(value))) : end);
        pen.fillStyle = "rgba(0, 114, 178, .25)";
        pen.fillRect(x(a) - 7, y(high), 14, Math.max(2, y(low) - y(high)));
      }
    });
  };
  const redraw = () => {
    axes = [...names(), "score"].map(scaleOf);
    width = Math.max(canvas.parentElement.parentElement.clientWidth, 92 * axes.length);
    height = 340;
    const pen = prepare(canvas, width, height), order = [...view.matching].reverse(), mine = ++token;
    pen.globalAlpha = strength(order.length);
    inPieces(order.length, place => {
      pen.strokeStyle = facts.colours[methodOf(order[place])];
      line(pen, order[place]);
    }, mine, at => at === token, () => {
      pen.globalAlpha = 1;
      drawAxes(pen);
    });
    highlight();
  };
  const highlight = () => {
    const pen = prepare(over, width, height);
    for (const i of new Set([...view.chosen, view.hovered])) {
      if (i < 0 || i >= facts.trials.id.length) continue;
      pen.lineWidth = 5;
      pen.strokeStyle = "#fff";
      line(pen, i);
      pen.lineWidth = 2.5;
      pen.strokeStyle = facts.colours[methodOf(i)];
      line(pen, i);
    }
  };
  const nearest = (px, py) => {
    const a = Math.max(0, Math.min(axes.length - 2, Math.floor((px - MARGIN.side) / (x(1) - x(0))))), part = (px - x(a)) / (x(a + 1) - x(a));
    let best = -1, least = 8;
    for (const i of view.matching) {
      const left = axes[a].units[i], right = axes[a + 1].units[i];
      if (left === null || right === null) continue;
      const far = Math.abs(y(left + part * (right - left)) - py);
      if (far < least) [best, least] = [i, far];
    }
    return best;
  };
  const axisAt = px => axes.findIndex((_, a) => Math.abs(x(a) - px) < 10);
  const unitAt = py => Math.max(0, Math.min(1, (height - MARGIN.bottom - py) / (height - MARGIN.top - MARGIN.bottom)));
  over.addEventListener("pointerdown", event => {
    const a = axisAt(event.offsetX);
    if (event.pointerType !== "mouse" || a < 0) return;
    grab = {a, from: event.offsetY};
    over.setPointerCapture(event.pointerId);
  });
  over.addEventListener("pointermove", event => {
    if (grab) {
      const pen = prepare(over, width, height);
      pen.fillStyle = "rgba(0, 114, 178, .3)";
      pen.fillRect(x(grab.a) - 7, Math.min(grab.from, event.offsetY), 14, Math.abs(event.offsetY - grab.from));
      return;
    }
    over.style.cursor = axisAt(event.offsetX) >= 0 ? "ns-resize" : "default";
    const i = axes.length > 1 ? nearest(event.offsetX, event.offsetY) : -1;
    hover(i);
    showTip(i >= 0 ? about(i) : "", event);
  });
  over.addEventListener("pointerup", event => {
    if (!grab) return;
    const axis = axes[grab.a], [low, high] = [grab.from, event.offsetY].map(unitAt).sort((p, q) => p - q), close = high - low < 0.02;
    grab = null;
    if (close) return setRange(axis.key, null);
    if (axis.numeric) return setRange(axis.key, [axis.back(low), axis.back(high)]);
    const last = Math.max(axis.words.length - 1, 1), kept = axis.words.filter((_, w) => w / last >= low - 0.04 && w / last <= high + 0.04);
    setRange(axis.key, kept.length ? [kept] : null);
  });
  over.addEventListener("pointerleave", () => (hover(-1), showTip("")));
  over.addEventListener("click", event => {
    if (axisAt(event.offsetX) < 0 && view.hovered >= 0) showTrials([view.hovered]);
  });
  return {redraw, highlight, canvas};
})();

const slice = (() => {
  const canvas = find("#slice"), choice = find("#slice-of");
  let points = [], axes = null, width = 0, token = 0;
  const height = 320;
  const x = unit => MARGIN.side + 14 + unit * (width - 2 * MARGIN.side);
  const y = unit => height - 34 - unit * (height - 70);
  const options = () => {
    const kept = choice.value, names = searchedNames();
    choice.replaceChildren(...[...names, "seed", "images", timeUnit()].map(name => make("option", name.replace(/_/g, " "), {value: name})));
    const values = name => new Set(facts.configs.settings[name].filter(value => value !== null)).size;
    const most = [...names].sort((a, b) => values(b) - values(a))[0];
    choice.value = [...choice.options].some(option => option.value === kept) ? kept : most || "seed";
  };
  const redraw = () => {
    axes = [scaleOf(choice.value), scaleOf("score")];
    width = Math.min(canvas.parentElement.clientWidth, 900);
    const pen = prepare(canvas, width, height), mine = ++token;
    points = view.matching.map(i => [i, axes[0].units[i], axes[1].units[i]])
      .filter(([, a, b]) => a !== null && b !== null)
      .map(([i, a, b]) => [i, x(a) + (axes[0].numeric ? 0 : 18 * ((i * 0.618034) % 1 - 0.5)), y(b)]);
    pen.strokeStyle = "#d8dee4";
    pen.fillStyle = "#57606a";
    for (const [unit, word] of axes[1].marks || axes[1].ticks) {
      pen.textAlign = "right";
      pen.fillText(word, MARGIN.side, y(unit) + 4);
      pen.strokeRect(MARGIN.side + 6, y(unit), width - MARGIN.side - 12, 0);
    }
    pen.textAlign = "center";
    for (const [unit, word] of axes[0].marks || axes[0].ticks) pen.fillText(word, x(unit), height - 16);
    pen.textAlign = "left";
    pen.fillText(`${facts.metric}${axes[1].log ? ", logarithmic" : ""}`, 2, 12);
    pen.textAlign = "center";
    pen.fillText(`${choice.value.replace(/_/g, " ")}${axes[0].log ? ", logarithmic" : ""}`, width / 2, height - 2);
    pen.globalAlpha = Math.max(0.25, strength(points.length / 10));
    inPieces(points.length, place => {
      const [i, px, py] = points[place];
      pen.fillStyle = facts.colours[methodOf(i)];
      pen.beginPath();
      pen.arc(px, py, 4, 0, 7);
      pen.fill();
    }, mine, at => at === token, () => {
      pen.globalAlpha = 1;
      for (const [i, px, py] of points) if (view.chosen.has(i) || i === view.hovered) {
        pen.strokeStyle = "#000";
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(px, py, 6, 0, 7);
        pen.stroke();
      }
    });
  };
  const nearest = event => {
    let best = -1, least = 14 ** 2;
    for (const [i, px, py] of points) {
      const far = (px - event.offsetX) ** 2 + (py - event.offsetY) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  };
  canvas.addEventListener("pointermove", event => {
    const i = nearest(event);
    canvas.style.cursor = i >= 0 ? "pointer" : "";
    hover(i);
    showTip(i >= 0 ? about(i) : "", event);
  });
  canvas.addEventListener("pointerleave", () => (hover(-1), showTip("")));
  canvas.addEventListener("click", event => {
    const i = nearest(event);
    if (i >= 0) showTrials([i]);
  });
  choice.addEventListener("change", redraw);
  return {redraw, options, canvas};
})();

let drawing = 0;
const drawCharts = () => {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(() => (parallel.redraw(), slice.redraw()));
};
listeners.matching.push(drawCharts);
listeners.chosen.push(drawCharts);
listeners.hovered.push(() => (parallel.highlight(), view.matching.length < 2000 && slice.redraw()));
addEventListener("resize", () => (drawCharts(), drawRows(true)));
for (const [button, chart, name] of [["#save-parallel", parallel, "settings"], ["#save-slice", slice, "slice"]])
  find(button).addEventListener("click", () => chart.canvas.toBlob(blob => save(`${name}.png`, blob)));
