/* The controls, and what changes with the slot. */

const slider = byId("slot");

const panels = plays.map((play, k) => {
  const region = (name, kind) =>
    html("div", { class: kind, role: "region", tabindex: "0", "aria-label": `${name}, ${play.caption}` });
  const panel = {
    play,
    score: html("p", { class: "note" }),
    map: html("div"),
    delays: region("Delays", "tall"),
    servers: html("table"),
    users: html("table"),
  };
  const serverBox = region("Servers", "scroll");
  serverBox.append(panel.servers);
  const userBox = region("Users", "scroll");
  userBox.append(panel.users);
  panel.details = html("details", { on: { toggle: () => update() } }, html("summary", {}, "Users as a table"), userBox);
  byId("plays").append(
    html(
      "section",
      { class: "card", "aria-labelledby": `play-${k}` },
      html("h2", { id: `play-${k}` }, play.caption),
      panel.score,
      html(
        "div",
        { class: "parts" },
        html("div", {}, panel.map, mapKey()),
        html("div", {}, html("h3", {}, "Delays"), panel.delays, delayKey()),
        html("div", {}, html("h3", {}, "Servers"), serverBox),
      ),
      panel.details,
    ),
  );
  return panel;
});

function outcomeOf(play) {
  const now = slotOf(play, state.slot);
  const tasks = now.active.filter(Boolean).length;
  const device = now.target.filter((target, n) => target === 0 && now.active[n]).length;
  const parts = [`${count(tasks, "task")}, ${device} on devices`];
  if (now.missed) parts.push(`${now.missed.filter(Boolean).length} late`);
  now.down?.forEach((seconds, m) => seconds > 0 && parts.push(`server ${m + 1} down for ${number(seconds)} s`));
  const metric = (name) => at(play.metrics[name], state.slot);
  const means = [`utility ${number(metric("utility") / (state.slot + 1))} per user and slot`];
  means.push(`delay ${number(metric("mean_delay_s"))} s per task`);
  if (play.metrics.energy_j) means.push(`energy ${number(metric("energy_j"))} J per task`);
  return `${parts.join(", ")}; means so far: ${means.join(", ")}`;
}

function update() {
  const { slot } = state;
  slider.value = slot + 1;
  slider.setAttribute("aria-valuetext", `slot ${slot + 1} of ${slots}`);
  byId("shown").textContent = `${slot + 1} / ${slots}`;
  for (const panel of panels) {
    const now = slotOf(panel.play, slot);
    panel.score.textContent = outcomeOf(panel.play);
    panel.map.replaceChildren(drawMap(now));
    panel.delays.replaceChildren(drawDelays(now));
    serverTable(panel.servers, now);
    if (panel.details.open) userTable(panel.users, now);
  }
  metricTable();
  sumTable();
  moveCursor();
  if (!state.timer) announce();
}

let waiting = 0;
function announce() {
  clearTimeout(waiting); // a slider that is dragged is announced where it stops
  waiting = setTimeout(() => {
    const texts = plays.map((play) => `${play.caption}: ${outcomeOf(play)}.`);
    byId("summary").textContent = `Slot ${state.slot + 1} of ${slots}. ${texts.join(" ")}`;
  }, 150);
}

function choose(user) {
  state.user = user === state.user ? -1 : user;
  byId("user").value = state.user;
  update();
}
function go(slot) {
  state.slot = Math.max(0, Math.min(slots - 1, slot));
  update();
}
function pause() {
  clearInterval(state.timer);
  state.timer = 0;
  byId("play").textContent = "Play";
  announce();
}
function start() {
  clearInterval(state.timer);
  if (state.slot === slots - 1) go(0);
  clearTimeout(waiting); // nothing is announced while it plays
  state.timer = setInterval(() => {
    go(state.slot + 1);
    if (state.slot === slots - 1) pause();
  }, 1000 / Number(byId("speed").value));
  byId("play").textContent = "Pause";
}

slider.max = slots;
const speeds = [...new Set([1, 2, 5, 10, 20, episode.fps])].sort((a, b) => a - b);
byId("speed").append(...speeds.map((speed) => html("option", { value: speed }, `${count(speed, "slot")} a second`)));
byId("speed").value = episode.fps;
const names = Array.from({ length: users }, (_, n) => html("option", { value: n }, `user_${n}`));
byId("user").append(html("option", { value: -1 }, "none marked"), ...names);
byId("metric").append(...episode.metrics.map(({ name, heading }) => html("option", { value: name }, heading)));
byId("quantities").append(
  ...[...new Map([...episode.snapshot, ...episode.infos].map((each) => [each.name, each])).values()].flatMap((each) => [
    html("dt", {}, each.name),
    html("dd", {}, `${each.text} (${each.unit})`),
  ]),
);
const size = [count(users, "user"), count(servers, "server"), `${count(slots, "slot")} of ${episode.slot_s} s`];
byId("game").textContent = size.join(", ");
byId("plays").classList.toggle("several", plays.length > 1);

slider.addEventListener("input", () => go(Number(slider.value) - 1));
byId("previous").addEventListener("click", () => go(state.slot - 1));
byId("next").addEventListener("click", () => go(state.slot + 1));
byId("play").addEventListener("click", () => (state.timer ? pause() : start()));
byId("speed").addEventListener("change", () => state.timer && start());
byId("user").addEventListener("change", () => choose(Number(byId("user").value)));
byId("metric").addEventListener("change", drawCurve);
drawCurve();
update();
