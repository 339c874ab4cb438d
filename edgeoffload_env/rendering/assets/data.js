/* The episode, elements, and numbers as text. */
"use strict";

const byId = (id) => document.getElementById(id);
const episode = JSON.parse(byId("episode").textContent);
const { plays, slots, users, servers } = episode;
const SVG = byId("curve").namespaceURI;
const MOST_LABELS = 60;
const state = { slot: 0, user: -1, timer: 0 };

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") Object.assign(element.style, value);
    else if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const titled = (text) => svg("title", {}, text);

const at = (series, slot) => (series.constant ? series.values : series.values[slot]);
const fieldOf = (play, name) => play.snapshot[name] ?? episode.shared[name];
const quantity = (name) => [...episode.snapshot, ...episode.infos].find((each) => each.name === name);
const has = (name) => quantity(name) !== undefined;

function number(value) {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(number).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(Number(value.toPrecision(4)));
}
const flat = (values) => values.flat(Infinity);

function roundUp(value, digits) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * digits.find((digit) => power * digit >= value * (1 - 1e-9));
}
/* About `most` round numbers from low to high. */
function ticksOf(low, high, most) {
  const step = roundUp((high - low) / most, [1, 2, 2.5, 5, 10]);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}
function mostly(values) {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(0.95 * (sorted.length - 1))] : 0;
}
const everySlot = (series) => flat(series.values);
const count = (some, noun) => `${some} ${noun}${some === 1 ? "" : "s"}`;

const allActive = new Array(users).fill(true);
function slotOf(play, slot) {
  const info = (name) => (play.infos[name] ? at(play.infos[name], slot) : undefined);
  const drawn = (name) => at(play.drawn[name], slot);
  return {
    info,
    field: (name) => at(fieldOf(play, name), slot),
    active: info("active") ?? allActive,
    target: info("target"),
    missed: info("missed"),
    places: drawn("users_m"),
    queue: drawn("queue_s"),
    arrived: drawn("arrived_s"),
    device: drawn("device_s"),
    uplink: drawn("uplink_s"),
    down: has("down_s") ? at(fieldOf(play, "down_s"), slot) : undefined,
  };
}
const colourOf = (target) => episode.colours[target];
const placeOf = (target) => (target === 0 ? "device" : `server ${target}`);
/* The end of an axis in seconds that shows most values of every play; what lies beyond is cut there.
   One play's long queues leave room for the bars of another, and nothing matters beyond the largest deadline. */
const largestDeadline = has("deadline_s")
  ? Math.max(...plays.flatMap((play) => everySlot(fieldOf(play, "deadline_s"))))
  : Infinity;
const NICE = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
function endOf(typical, least, limit) {
  const room = 10 * Math.min(...typical.map((value) => Math.max(least, value)));
  return roundUp(Math.max(least, Math.min(limit, room, Math.max(...typical))), NICE);
}
const typicalDelays = plays.map((play) => mostly(everySlot(play.infos.delay_s)));
const longestDelay = has("deadline_s")
  ? roundUp(Math.min(largestDeadline, 10 * Math.max(0.1, ...typicalDelays)), NICE)
  : endOf(typicalDelays, 0.1, Infinity);
const longestQueue = endOf(
  plays.map((play) => mostly(everySlot(play.drawn.queue_s)) + mostly(everySlot(play.drawn.arrived_s))),
  0.1,
  largestDeadline,
);
