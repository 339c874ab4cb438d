/* Servers, users, sums and metrics as tables. */

function table(element, caption, heads, rows) {
  const head = heads.map(([text, title]) => html("th", { scope: "col", title }, text));
  const lines = rows.map(({ cells: [first, ...cells], ...attributes }) =>
    html("tr", attributes, html("th", { scope: "row" }, first), ...cells.map((cell) => html("td", {}, cell))),
  );
  element.replaceChildren(
    html("caption", {}, caption),
    html("thead", {}, html("tr", {}, ...head)),
    html("tbody", {}, ...lines),
  );
  return element;
}
const headOf = (declared) => [declared.heading, declared.text];

/* The target, the delay, the other infos and the fields of the snapshot; a field that an info repeats is left out. */
function columnsOf(scope, without) {
  const infos = episode.infos.filter((each) => each.scope === scope);
  const fields = episode.snapshot.filter(
    (each) => each.scope === scope && !without.includes(each.name) && !infos.some((info) => info.name === each.name),
  );
  const rank = ({ name }) => ["target", "delay_s"].indexOf(name) >>> 0; // others last
  infos.sort((a, b) => rank(a) - rank(b));
  return [
    ...infos.map((each) => ({ ...each, values: (now) => now.info(each.name) })),
    ...fields.map((each) => ({ ...each, values: (now) => now.field(each.name) })),
  ];
}
const userColumns = columnsOf("user", []);
const serverColumns = columnsOf("server", ["server_hz", "backlog_cycles"]);
const gameFields = episode.snapshot.filter((each) => each.scope === "game");

function serverTable(element, now) {
  const hz = now.field("server_hz");
  const tasks = new Array(servers + 1).fill(0);
  now.target.forEach((target, n) => (tasks[target] += now.active[n] ? 1 : 0));
  const rows = hz.map((speed, m) => {
    const colour = colourOf(m + 1);
    const long = (seconds, room) => Math.min(room, (100 * seconds) / longestQueue);
    const queued = long(now.queue[m], 100);
    const bars = html("div", { class: "bar", "aria-hidden": "true" });
    bars.append(html("span", { style: { width: `${queued}%`, background: colour } }));
    if (now.arrived[m] > 0)
      bars.append(
        html("span", { class: "new", style: { width: `${long(now.arrived[m], 100 - queued)}%`, color: colour } }),
      );
    if (now.queue[m] + now.arrived[m] > longestQueue * (1 + 1e-9)) bars.append(html("span", { class: "cut" }, "▶"));
    const name = html("span", {}, `${m + 1}`);
    if (now.down?.[m] > 0) name.append(html("span", { class: "down" }, " down"));
    const more = serverColumns.map((column) => number(column.values(now)[m]));
    const own = [String(tasks[m + 1]), number(now.queue[m]), number(now.arrived[m]), number(speed / 1e9)];
    return { cells: [name, bars, ...own, ...more] };
  });
  const heads = [["server"], [`0 to ${number(longestQueue)} s`, "load, seconds"], ["tasks", "tasks of this slot"]];
  heads.push(["queue (s)", "load factor at the start of the slot"], ["new (s)", "added by this slot's tasks"], ["GHz"]);
  heads.push(...serverColumns.map(headOf));
  table(element, "Full: queue. Outlined: new work. Arrow: longer than the axis.", heads, rows);
}

function userTable(element, now) {
  const columns = userColumns.map((column) => ({ ...column, now: column.values(now) }));
  const rows = [];
  for (let n = 0; n < users; n += 1)
    rows.push({
      cells: [`user_${n}`, ...columns.map((column) => number(column.now[n]))],
      class: state.user === n ? "chosen-row" : undefined,
    });
  table(element, "At the start of the slot, and what came of it.", [["user"], ...columns.map(headOf)], rows);
}

const summed = episode.infos.filter((each) => each.name !== "target");
const total = (values) => (Array.isArray(values) ? flat(values).reduce((sum, value) => sum + Number(value), 0) : values);
for (const play of plays) {
  play.sums = {};
  for (const { name } of summed) {
    let sum = 0;
    play.sums[name] = Array.from({ length: slots }, (_, slot) => {
      const value = total(at(play.infos[name], slot));
      sum += value;
      return { value, sum };
    });
  }
}

function sumTable() {
  const heads = [["info"]];
  for (const play of plays) heads.push([`${play.caption}: slot`], [`${play.caption}: so far`]);
  const rows = summed.map(({ name, heading, scope }) => {
    const cells = plays.flatMap((play) => {
      const { value, sum } = play.sums[name][state.slot];
      return [number(value), number(scope === "game" ? sum / (state.slot + 1) : sum)];
    });
    return { cells: [scope === "game" ? `${heading} (mean of slots)` : heading, ...cells] };
  });
  for (const { name, heading } of gameFields) {
    const cells = plays.flatMap((play) => [number(flat([at(fieldOf(play, name), state.slot)])), "–"]);
    rows.push({ cells: [heading, ...cells] });
  }
  table(byId("sums"), "Sums over users, and over the slots so far.", heads, rows);
}

function metricTable() {
  const heads = [["metric"], ...plays.map((play) => [play.caption])];
  const rows = episode.metrics.map(({ name, heading }) => ({
    cells: [heading, ...plays.map((play) => number(at(play.metrics[name], state.slot)))],
    "data-metric": name,
  }));
  table(byId("metrics"), `Slots 1 to ${state.slot + 1}.`, heads, rows);
}
