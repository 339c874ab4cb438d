/* The cell, the delays and the course of a metric, in SVG. */

const label = (x, y, anchor, text) => svg("text", { x, y, "text-anchor": anchor, class: "soft" }, text);

/* Numbers of the users beside their circles, each where it covers least of circles, bars and other numbers. */
function labelsOf(places, size) {
  const bars = has("device_backlog_cycles") || has("uplink_backlog_bits") ? 7 : 0;
  const taken = places.map(([x, y]) => [x - size - bars, y - size, x + size + bars, y + size]);
  taken.push([-19, -11, 19, 11]); // the eNB
  const covered = ([left, top, right, bottom]) => {
    let area = left < -273 || right > 273 || top < -268 || bottom > 268 ? 1e3 : 0;
    for (const [l, t, r, b] of taken)
      area += Math.max(0, Math.min(right, r) - Math.max(left, l)) * Math.max(0, Math.min(bottom, b) - Math.max(top, t));
    return area;
  };
  return places.map(([x, y], n) => {
    const wide = 9.5 * String(n).length;
    const [near, far, above, below] = [0.6 * size, size + bars + 2, y - size - 13, y + size + 1];
    const corners = [
      ...[above, below].flatMap((top) => [x + near, x - near - wide, x - wide / 2].map((left) => [left, top])),
      ...[x + far, x - far - wide].map((left) => [left, y - 6.5]),
    ];
    const boxes = corners.map(([left, top]) => [left, top, left + wide, top + 13]);
    const areas = boxes.map(covered);
    const best = boxes[areas.indexOf(Math.min(...areas))];
    taken.push(best);
    return svg("text", { x: best[0], y: best[3] - 0.5, class: "name" }, String(n));
  });
}

function drawMap(now) {
  const scale = 245 / episode.cell_radius_m;
  const size = users <= MOST_LABELS ? 10 : Math.max(3, 10 * Math.sqrt(MOST_LABELS / users));
  const clip = (value) => Math.max(-260, Math.min(260, value));
  const marks = [svg("circle", { r: 245, class: "cell" })];
  const places = now.places.map(([x, y]) => [clip(x * scale), clip(y * scale)]);
  places.forEach(([x, y], n) => {
    if (now.active[n] && now.target[n] > 0)
      marks.push(svg("line", { x1: x, y1: y, x2: 0, y2: 0, stroke: colourOf(now.target[n]), class: "link" }));
  });
  marks.push(
    svg("rect", { x: -19, y: -11, width: 38, height: 22, rx: 4, fill: "var(--ink)" }),
    svg("text", { y: 5, "text-anchor": "middle", class: "hub" }, "eNB"),
  );
  places.forEach(([x, y], n) => {
    const idle = !now.active[n];
    const missed = now.missed?.[n];
    const bar = (seconds, side, colour) => {
      const height = Math.max(1, 2.6 * size * Math.min(1, seconds));
      const left = x + side * (size + 5) - 2;
      return seconds > 0 ? svg("rect", { x: left, y: y + size - height, width: 4, height, fill: colour }) : null;
    };
    const choice = idle ? "no task" : placeOf(now.target[n]);
    marks.push(
      svg(
        "g",
        { class: "user", "data-user": n, on: { click: () => choose(n) } },
        titled(`user_${n}: ${choice}${missed ? ", deadline missed" : ""}`),
        svg("circle", { cx: x, cy: y, r: size, class: "dot", fill: idle ? "var(--card)" : colourOf(now.target[n]) }),
        missed ? svg("circle", { cx: x, cy: y, r: size + 4, class: "late" }) : null,
        state.user === n ? svg("circle", { cx: x, cy: y, r: size + 8, class: "chosen" }) : null,
        bar(now.device[n], -1, "var(--soft)"),
        bar(now.uplink[n], 1, "var(--ink)"),
      ),
    );
  });
  if (users <= MOST_LABELS) marks.push(...labelsOf(places, size)); // above all circles
  const offloaded = now.target.filter((target, n) => target > 0 && now.active[n]).length;
  const tasks = now.active.filter(Boolean).length;
  const name = `Cell with ${count(users, "user")}: ${count(tasks, "task")}, ${offloaded} offloaded`;
  return svg("svg", { viewBox: "-275 -270 550 540", class: "map", role: "img", "aria-label": name }, ...marks);
}

function drawDelays(now) {
  const row = 18;
  const left = 30;
  const width = 280;
  const total = 450; // holds "0.0123 s late" in bold right of the axis
  const height = users * row + 24;
  const x = (seconds) => left + (width * Math.min(seconds, longestDelay)) / longestDelay;
  const marks = ticksOf(0, longestDelay, 5).flatMap((tick) => [
    svg("line", { x1: x(tick), x2: x(tick), y1: 18, y2: height, class: "axis" }),
    label(x(tick), 13, "middle", `${number(tick)} s`),
  ]);
  const delay = now.info("delay_s");
  const deadline = has("deadline_s") ? now.field("deadline_s") : undefined;
  for (let n = 0; n < users; n += 1) {
    const top = 24 + n * row;
    if (state.user === n) marks.push(svg("rect", { x: 0, y: top - 2, width: total, height: row, class: "mark" }));
    marks.push(svg("text", { x: left - 6, y: top + 10, "text-anchor": "end" }, String(n)));
    if (!now.active[n]) continue;
    let from = 0;
    const piece = (seconds, colour, name) => {
      const part = svg("rect", { x: x(from), y: top, width: x(from + seconds) - x(from), height: 11, fill: colour });
      part.append(titled(`${name} ${number(seconds)} s`));
      marks.push(part);
      from += seconds;
    };
    for (const part of episode.parts)
      if (now.info(part.name)[n] > 0) piece(now.info(part.name)[n], part.colour, part.name.replace(/_s$/, ""));
    if (delay[n] - from > 1e-9 * delay[n]) piece(delay[n] - from, "var(--soft)", "other");
    if (delay[n] > longestDelay * (1 + 1e-9)) marks.push(cutMark(left + width, top + 5.5));
    if (deadline && deadline[n] <= longestDelay) {
      const due = x(deadline[n]);
      for (const kind of ["casing", "deadline"])
        marks.push(svg("line", { x1: due, x2: due, y1: top - 3, y2: top + 14, class: kind }));
    }
    const late = now.missed?.[n];
    const text = `${number(Number(delay[n].toPrecision(3)))} s${late ? " late" : ""}`;
    marks.push(svg("text", { x: left + width + 12, y: top + 10, class: late ? "down" : "" }, text));
  }
  const name = `Delay of each user's task by part${deadline ? ", with its deadline" : ""}; the numbers are in the table`;
  return svg("svg", { viewBox: `0 0 ${total} ${height}`, role: "img", "aria-label": name }, ...marks);
}

/* An arrow at the end of an axis, where a bar is longer. */
const cutMark = (x, y) => svg("path", { d: `M${x + 1} ${y - 5.5}l8 5.5l-8 5.5z`, class: "cut" });

function swatch(...shapes) {
  return svg("svg", { viewBox: "0 0 24 15", "aria-hidden": "true" }, ...shapes);
}
const patch = (colour) => swatch(svg("rect", { x: 2, y: 2, width: 20, height: 11, fill: colour }));
const key = (items) => html("ul", { class: "key" }, ...items.map(([mark, text]) => html("li", {}, mark, text)));

function mapKey() {
  const dot = (shape, extra) => swatch(svg("circle", { cx: 12, cy: 7.5, r: 4, class: "dot", fill: shape }), extra);
  const items = [[dot(colourOf(0)), "runs on the device"]];
  if (servers <= 12) for (let m = 1; m <= servers; m += 1) items.push([dot(colourOf(m)), `server ${m}`]);
  if (has("active")) items.push([dot("var(--card)"), "no task"]);
  if (has("missed"))
    items.push([dot(colourOf(0), svg("circle", { cx: 12, cy: 7.5, r: 6, class: "late" })), "deadline missed"]);
  const bar = (colour) => swatch(svg("rect", { x: 10, y: 1, width: 4, height: 13, fill: colour }));
  if (has("device_backlog_cycles")) items.push([bar("var(--soft)"), "left: device's queue"]);
  if (has("uplink_backlog_bits")) items.push([bar("var(--ink)"), "right: uplink's queue"]);
  return key(items);
}
function delayKey() {
  const items = episode.parts.map((part) => [patch(part.colour), part.name.replace(/_s$/, "")]);
  const line = swatch(svg("line", { x1: 12, x2: 12, y1: 1, y2: 14, class: "deadline" }));
  if (has("deadline_s")) items.push([line, "deadline"]);
  return key([...items, [swatch(cutMark(7, 7.5)), "longer than the axis"]]);
}

let moveCursor = () => {};
const STROKES = ["var(--first)", "var(--second)", "var(--third)"];
const DASHES = ["none", "7 4", "2 3"];
const stroke = (k) => ({ stroke: STROKES[k % 3], "stroke-dasharray": DASHES[k % 3] });

function drawCurve() {
  const metric = episode.metrics.find((each) => each.name === byId("metric").value);
  const lines = plays.map((play) => Array.from({ length: slots }, (_, slot) => at(play.metrics[metric.name], slot)));
  const known = flat(lines).filter((value) => value !== null);
  const low = Math.min(0, ...known);
  const highest = Math.max(0, ...known);
  const high = highest > low ? highest : 1;
  const x = (slot) => 90 + (535 * slot) / Math.max(1, slots - 1);
  const y = (value) => 160 - (145 * (value - low)) / (high - low);
  const paths = lines.map((line, k) => {
    let pen = "M";
    const steps = line.map((value, slot) => {
      const step = value === null ? "" : `${pen}${x(slot).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = value === null ? "M" : "L";
      return step;
    });
    return svg("path", { d: steps.join(""), class: "curve", ...stroke(k) });
  });
  byId("curve").replaceChildren(
    ...ticksOf(low, high, 5).flatMap((tick) => [
      svg("line", { x1: 90, x2: 625, y1: y(tick), y2: y(tick), class: "axis" }),
      label(84, y(tick) + 5, "end", number(tick)),
    ]),
    svg("line", { x1: 90, x2: 625, y1: 160, y2: 160, class: "axis" }),
    svg("line", { x1: 90, x2: 90, y1: 15, y2: 160, class: "axis" }),
    ...ticksOf(1, slots, 5)
      .filter((tick) => Number.isInteger(tick) && tick > 1 + slots / 20)
      .map((tick) => label(x(tick - 1), 178, "middle", String(tick))),
    label(90, 178, "middle", "1"),
    label(357, 196, "middle", "slot"),
    svg("line", { id: "cursor", y1: 10, y2: 160, stroke: "var(--ink)", "stroke-width": 1.5 }),
    ...paths,
  );
  byId("curve").setAttribute("aria-label", `${metric.name} over the slots so far; the numbers are in the table below`);
  byId("meaning").textContent = `${metric.text}; over the slots so far.`;
  byId("lines").replaceChildren(
    ...plays.map((play, k) =>
      html("li", {}, swatch(svg("line", { x1: 0, x2: 24, y1: 8, y2: 8, class: "curve", ...stroke(k) })), play.caption),
    ),
  );
  moveCursor = () => {
    for (const end of ["x1", "x2"]) byId("cursor").setAttribute(end, x(state.slot));
  };
  moveCursor();
}
