"use strict";
// The page: a photo, its painting, and the jobs that the server paints. All that is kept is kept here.

const MAX_BYTES = 20e6, MAX_STROKES = 3000, MAX_UNDO = 50;
const ASPECT = 1.03; // greatest ratio between the aspects of a painting and of its photo
const NEAR = 0.01; // of the shorter side: strokes by hand keep to the line
const FIRST_SHARE = 0.35; // of the time of a job, until refinement begins
const SAMPLES = ["astronaut", "chelsea", "coffee", "rocket"];
const PLOTTER = "Pen plotter";
const STYLES = {
  Curves: { stroke: "bezier", opacity: 0, colours: 0 },
  Triangles: { stroke: "triangle", opacity: 0, colours: 0 },
  Circles: { stroke: "circle", opacity: 0, colours: 0 },
  Opaque: { stroke: "bezier", opacity: 1, colours: 0 },
  "Six colours": { stroke: "bezier", opacity: 1, colours: 6 },
  [PLOTTER]: { stroke: "bezier", opacity: 1, colours: 6, background: "#ffffff" },
};
const ENDED = "the server has ended; start paint-gym web again";
const $ = (id) => document.getElementById(id);
const canvas = $("painting"), context = canvas.getContext("2d");

let photo = null; // { name, blob, sample }
let name = "painting"; // of files
let head = null; // all of the painting but its strokes
let strokes = []; // the numbers of each
let palette = null; // the only colours, ["#rrggbb", ...]
let past = []; // states that Undo brings back
let job = null; // the AbortController of what is painted now
let shown = 0, drawn = 0; // strokes that are to be seen, and that are on the canvas
let playing = false, drawing = false;

// ---- state ----

const state = () => ({ photo, name, head, strokes, palette });

function remember() {
  if (head) past = [...past, state()].slice(-MAX_UNDO);
}

async function restore(last) {
  job?.abort();
  job = null;
  const image = $("photo");
  if (last.photo && last.photo !== photo) {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(last.photo.blob);
    await image.decode();
  }
  ({ photo, name, head, strokes, palette } = last);
  image.hidden = !photo;
  renew(head ? 0 : 100);
}

const valueOf = (input) => (["checkbox", "radio"].includes(input.type) ? "checked" : "value");

let saving = 0;
function keep() {
  saving = saving || setTimeout(() => {
    saving = 0;
    const inputs = $("settings").querySelectorAll("input:not([type=file]), select");
    const settings = [...inputs].map((input) => [input.id, input[valueOf(input)]]);
    writeRecord({ ...state(), settings, painting: job !== null }).catch(() => {}); // a browser may refuse
  }, 400);
}

async function undo() {
  if (job || !past.length) return;
  await restore(past.pop());
  say("Undone.");
  keep();
}

// ---- words, and the controls that can work now ----

function say(text, { error = false, aloud = true } = {}) {
  $("status").textContent = text;
  $("status").classList.toggle("error", error);
  if (aloud) $("announcer").textContent = text;
  refresh();
}

const selected = () => document.querySelector("[name=style]:checked")?.value;
const byHand = () => $("hand").checked && !$("hand-tools").hidden;

function refresh() {
  const painted = strokes.length > 0, idle = job === null, style = STYLES[selected()], plots = selected() === PLOTTER;
  const sameStyle = painted && (!style || (style.stroke === head.stroke && style.opacity === head.opacity[0]));
  const visible = {
    paint: photo, "paint-on": idle && photo && sameStyle && strokes.length < MAX_STROKES,
    undo: idle && past.length, save: idle && painted, version: idle && painted && photo, progress: !idle,
    playback: painted, play: idle, "hand-tools": idle && painted && head.stroke === "bezier", swatches: palette && idle,
    "paper-row": plots, background: !$("transparent").checked,
    "from-photo-row": photo, "hand-colour": !photo || !$("from-photo").checked,
  };
  for (const id in visible) $(id).hidden = !visible[id];
  $("hand-options").hidden = !byHand();
  $("choose").hidden = byHand() || (photo ? !photo.sample : painted);
  $("compare").hidden = byHand() || !painted || !photo;
  canvas.classList.toggle("hand", byHand());
  $("paint").textContent = idle ? "Paint" : "Stop";
  $("play").textContent = playing ? "Pause" : "Play";
  $("vector").textContent = plots ? "Plotter sheet (SVG)" : "Vector (SVG)";
  for (const button of $("samples").children) button.ariaPressed = Boolean(photo?.sample) && photo.name === button.title;
  if (document.activeElement.closest("[hidden]")) $(photo ? "paint" : "another").focus();
}

// ---- the picture ----

function layout() {
  const image = $("photo"), room = $("room");
  const [height, width] = head ? head.size : [image.naturalHeight || 3, image.naturalWidth || 4];
  const scale = Math.min(room.clientWidth / width, room.clientHeight / height);
  const sides = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  [$("easel").style.width, $("easel").style.height] = sides.map((side) => `${side}px`);
  [canvas.width, canvas.height] = sides.map((side) => Math.round(side * devicePixelRatio));
  show(shown, true);
}
new ResizeObserver(layout).observe($("room"));

// Show another painting from its first stroke to its last.
function renew(compare) {
  shown = strokes.length;
  showSwatches();
  setCompare(compare);
  layout();
}

// Show the first strokes at the next frame; all of them anew if any has changed.
function show(count, anew = false) {
  shown = Math.min(count, strokes.length);
  if (anew) drawn = Infinity;
  if (!drawing) requestAnimationFrame(draw);
  drawing = true;
}

function draw() {
  drawing = false;
  $("scrub").max = strokes.length;
  $("scrub").value = $("shown").value = shown;
  if (drawn > shown) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = head?.background ? hex(head.background) : "#0000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    drawn = 0;
  }
  for (; drawn < shown; drawn++) drawStroke(context, strokes[drawn], head);
  if (!playing) return;
  playing = shown < strokes.length;
  show(shown + Math.ceil(strokes.length / 300));
  refresh();
}

function setCompare(value) {
  $("compare").value = value;
  $("photo").style.clipPath = `inset(0 ${100 - value}% 0 0)`;
}
$("compare").oninput = () => setCompare($("compare").value);

$("scrub").oninput = () => { playing = false; show(Number($("scrub").value)); };
$("play").onclick = () => {
  playing = !playing;
  show(playing && shown === strokes.length ? 0 : shown);
  refresh();
};

// ---- photos and paintings of the user ----

const refuse = (text) => say(`${text} Nothing has changed.`, { error: true });
const stem = (file) => file.replace(/\.[^.]*$/, "");
const fits = ({ size }, image) => {
  const ratio = ((size[1] / size[0]) * image.naturalHeight) / image.naturalWidth;
  return ratio < ASPECT && ratio > 1 / ASPECT;
};

async function choosePhoto(blob, title, sample = false) {
  if (blob.size > MAX_BYTES) return refuse(`${title} has more than ${MAX_BYTES / 1e6} MB.`);
  const image = Object.assign(new Image(), { src: URL.createObjectURL(blob) });
  const readable = await image.decode().then(() => true, () => false);
  URL.revokeObjectURL(image.src);
  if (!readable) return refuse(`${title} is no picture that this browser can show; JPEG and PNG are.`);
  const keeps = head && !photo && fits(head, image); // a painting that was opened
  const advice = head && !keeps ? "Undo brings the last painting back." : "";
  const next = { photo: { name: title, blob, sample }, name: stem(title) };
  remember();
  await restore(keeps ? { ...state(), ...next } : { ...next, head: null, strokes: [], palette: null });
  say(`${title} is chosen. ${advice}`);
  keep();
  return true;
}

async function openPainting(file) {
  let content = null; // as the server reads it
  try {
    const body = { painting: await file.text(), format: "json" };
    content = await (await answered(fetch("api/files", asJson(body)))).json();
  } catch (error) {
    return refuse(`${file.name} is not opened: ${error.message}.`);
  }
  const { strokes: rows, ...fields } = content;
  remember();
  const last = { name: stem(file.name).replace(/-painted$/, ""), head: fields, strokes: rows, palette: null };
  await restore({ ...last, photo: photo && fits(fields, $("photo")) ? photo : null });
  const isLike = (style) => STYLES[style]?.stroke === head.stroke && STYLES[style].opacity === head.opacity[0];
  const style = isLike(selected()) ? selected() : Object.keys(STYLES).find(isLike);
  for (const input of document.querySelectorAll("[name=style]")) input.checked = input.value === style;
  say(`${file.name}: ${strokes.length} strokes.${photo ? "" : " Drop its photo here to paint on."}`);
  keep();
}

function open(file) {
  if (!file) return;
  if (/\.json$/i.test(file.name)) openPainting(file);
  else choosePhoto(file, file.name);
}

async function chooseSample(sample) {
  const answer = await fetch(`api/photos/${sample}.png`).catch(() => null);
  return answer?.ok ? choosePhoto(await answer.blob(), sample, true) : refuse(`Not chosen: ${ENDED}.`);
}

$("choose").onclick = $("another").onclick = () => $("file").click();
$("file").onchange = () => { open($("file").files[0]); $("file").value = ""; };
document.onpaste = (event) => open(event.clipboardData.files[0]);
document.ondragover = (event) => { event.preventDefault(); $("easel").classList.add("over"); };
document.ondragleave = () => $("easel").classList.remove("over");
document.ondrop = (event) => {
  event.preventDefault();
  $("easel").classList.remove("over");
  open(event.dataTransfer.files[0]);
};

// ---- jobs ----

function asJson(body, signal) {
  return { method: "POST", body: JSON.stringify(body), signal, headers: { "Content-Type": "application/json" } };
}

// The answer, or an error with a sentence.
async function answered(request) {
  const answer = await request.catch(() => { throw new Error(ENDED); });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Error(body.detail || answer.statusText);
}

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "", last = ""; ;) {
    const { value, done } = await reader.read().catch(() => ({ done: true }));
    if (done && ["done", "error", "stopped"].includes(last)) return;
    if (done) throw new Error(ENDED);
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const event = JSON.parse(line);
      last = event.event;
      yield event;
    }
  }
}

async function base64(blob) {
  const reader = new FileReader();
  reader.readAsDataURL(blob);
  await new Promise((resolve) => { reader.onload = resolve; });
  return reader.result.split(",", 2)[1] || "";
}

// Width and height of the plotter's paper in mm, turned as the picture is.
function paper() {
  if (selected() !== PLOTTER) return null;
  const sides = $("paper").value.split(" ").map(Number);
  return canvas.width > canvas.height ? sides.reverse() : sides;
}

async function paintRequest(on) {
  const { stroke, opacity } = STYLES[selected() || "Curves"], count = Number($("strokes").value);
  return {
    ...(photo.sample ? { photo: photo.name } : { image: await base64(photo.blob) }),
    stroke, opacity, paper: paper(), background: $("transparent").checked ? null : $("background").value,
    strokes: on ? Math.min(MAX_STROKES, strokes.length + count) : count, refine: Number($("refine").value),
    palette: palette?.length === Number($("colours").value) ? palette : Number($("colours").value),
    detail: $("faces").checked ? "auto" : "none", seed: Number($("seed").value), painting: on ? json() : null,
  };
}

let quarters = 0; // of the job that were announced
function progress(share) {
  $("progress").value = share;
  if (share < 1 && 4 * share >= quarters + 1) $("announcer").textContent = `${25 * ++quarters}% painted.`;
}

async function paint(on = false) {
  const own = (job = new AbortController()), first = on ? strokes.length : 0;
  quarters = 0;
  playing = false;
  progress(0);
  say("Painting.");
  try {
    const request = await paintRequest(on);
    const answer = await answered(fetch("api/paintings", asJson(request, own.signal)));
    for await (const event of events(answer)) if (job === own) handle(event, request, first);
  } catch (error) {
    if (job !== own) return;
    job = null;
    if (own.signal.aborted) say(`Stopped at ${strokes.length} strokes, which are kept.`);
    else say(`${strokes.length > first ? "Not finished" : "Not painted"}: ${error.message}.`, { error: true });
  }
  if (job === own) job = null;
  refresh();
  keep();
}

function handle(event, request, first) {
  const following = shown === strokes.length;
  if (event.event === "queued") say(`${event.ahead} painting${event.ahead > 1 ? "s are" : " is"} before this one.`);
  if (event.event === "start") {
    remember();
    head = event.head;
    strokes = first ? strokes : [];
    palette = event.palette;
    if (palette) {
      $("colours").value = palette.length; // equal colours are one
      readSettings();
    }
    renew(0);
  }
  if (event.strokes) {
    const added = event.event === "strokes";
    strokes = added ? [...strokes, ...event.strokes] : event.strokes;
    show(following ? strokes.length : shown, !added);
    keep();
  }
  if (event.event === "strokes") {
    say(`${strokes.length} of ${request.strokes} strokes`, { aloud: false });
    progress(((strokes.length - first) / (request.strokes - first)) * (request.refine ? FIRST_SHARE : 1));
  }
  if (event.event === "refined") {
    say(`Improving ${strokes.length} strokes: ${Math.round(100 * event.share)}%`, { aloud: false });
    progress(FIRST_SHARE + (1 - FIRST_SHARE) * event.share);
  }
  if (event.event === "done") {
    job = null;
    const similarity = Math.round(100 * (1 - Math.sqrt(event.l2)));
    say(`${strokes.length} strokes in ${event.seconds.toFixed(1)} seconds, ${similarity}% like the photo.`);
  }
  if (event.event === "error") say(`Not painted: ${event.message}.`, { error: true });
  if (event.event === "stopped") say(`The server has ${event.message}. The strokes are kept.`, { error: true });
}

$("paint").onclick = () => (job ? job.abort() : paint());
$("paint-on").onclick = () => paint(true);
$("version").onclick = () => { $("seed").value = Number($("seed").value) + 1; paint(); };
$("undo").onclick = undo;
document.onkeydown = (event) => {
  if (event.key === "Escape") $("save").open = false;
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.target.type === "number") return;
  event.preventDefault();
  undo();
};

// ---- by hand, and the palette ----

let line = null; // { places of the pointer, colour, pixels below it }
const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
const hex = (colour) => `#${colour.map((value) => Math.round(255 * value).toString(16).padStart(2, "0")).join("")}`;

function place(event) {
  const box = canvas.getBoundingClientRect(), inside = (value) => Math.min(1, Math.max(0, value));
  return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
}

function handColour([x, y]) {
  let colour = rgb($("hand-colour").value);
  if (photo && $("from-photo").checked) {
    const pixel = document.createElement("canvas").getContext("2d"), image = $("photo");
    pixel.drawImage(image, -Math.floor(x * (image.naturalWidth - 1)), -Math.floor(y * (image.naturalHeight - 1)));
    colour = [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => value / 255);
  }
  const distance = (other) => Math.hypot(...rgb(other).map((value, i) => value - colour[i]));
  return palette ? rgb(palette.reduce((a, b) => (distance(b) < distance(a) ? b : a))) : colour;
}

function handStrokes() {
  const { width, height } = canvas, shorter = Math.min(width, height), thickness = Number($("thickness").value);
  return fitCurves(line.places, [width / shorter, height / shorter], NEAR)
    .map((curve) => [...curve.flat(), thickness, 1, thickness, 1, ...line.colour]);
}

canvas.onpointerdown = (event) => {
  if (!byHand()) return;
  canvas.setPointerCapture(event.pointerId);
  show(strokes.length);
  draw();
  const start = place(event);
  line = { places: [start], colour: handColour(start), below: context.getImageData(0, 0, canvas.width, canvas.height) };
};
canvas.onpointermove = (event) => {
  if (!line) return;
  line.places.push(place(event));
  context.putImageData(line.below, 0, 0);
  for (const stroke of handStrokes()) drawStroke(context, stroke, head);
};
canvas.onpointercancel = () => { line = null; show(strokes.length, true); };
canvas.onpointerup = () => {
  if (!line) return;
  const all = [...strokes, ...handStrokes()];
  line = null;
  show(strokes.length, true);
  if (all.length > MAX_STROKES) return refuse(`A painting has at most ${MAX_STROKES} strokes.`);
  change(all, "Paint on improves yours, too.");
};

// Other strokes in the same painting, by the user.
function change(next, words) {
  remember();
  strokes = next;
  show(strokes.length, true);
  say(`${strokes.length} strokes. ${words}`);
  keep();
}

function showSwatches() {
  $("swatches").replaceChildren(...(palette || []).map((colour, i) => {
    const input = document.createElement("input"), onchange = () => recolour(i, input.value);
    return Object.assign(input, { type: "color", value: colour, ariaLabel: `Colour ${i + 1}`, onchange });
  }));
}

function recolour(index, colour) {
  const last = rgb(palette[index]);
  const isLast = (stroke) => stroke.slice(-3).every((value, i) => Math.abs(value - last[i]) < 1 / 512);
  const next = strokes.map((stroke) => (isLast(stroke) ? [...stroke.slice(0, -3), ...rgb(colour)] : stroke));
  change(next, "Paint keeps these colours.");
  palette = palette.map((old, i) => (i === index ? colour : old));
}

// ---- files ----

const json = () => JSON.stringify({ ...head, strokes });

async function save(format) {
  const title = `${name}-painted.${format}`;
  $("save").open = false; // the status is below it
  $("save").firstElementChild.focus();
  say(`Making ${title}.`);
  try {
    const body = { painting: json(), format, size: Number($("size").value) || null, paper: paper() };
    const blob = format === "json" ? new Blob([json()]) : await (await answered(fetch("api/files", asJson(body)))).blob();
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: title });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say(`${title} is saved.`);
  } catch (error) {
    say(`Not saved: ${error.message}.`, { error: true });
  }
}

document.onpointerdown = (event) => { if (!$("save").contains(event.target)) $("save").open = false; };
for (const button of document.querySelectorAll("[data-format]")) button.onclick = () => save(button.dataset.format);

// ---- settings ----

const WORDS = { colours: "any", refine: "none" }; // for 0

function readSettings() {
  for (const id of ["strokes", "refine", "colours"]) {
    $(id).previousElementSibling.value = $(id).value === "0" ? WORDS[id] : $(id).value;
  }
  refresh();
  if (byHand()) setCompare(0);
}

function chooseStyle() {
  const { colours, background = "#000000" } = STYLES[selected()];
  [$("colours").value, $("background").value] = [colours, background];
  readSettings();
  if (strokes.length && $("paint-on").hidden) say("Paint begins anew in this style; Undo brings this painting back.");
}

Object.keys(STYLES).forEach((style, i) => {
  const [label, input, tile] = ["label", "input", "span"].map((tag) => document.createElement(tag));
  Object.assign(input, { type: "radio", name: "style", value: style, id: `style-${i}`, checked: !i, onchange: chooseStyle });
  tile.style.setProperty("--place", i);
  label.append(input, tile, style);
  $("styles").append(label);
});
for (const sample of SAMPLES) {
  const button = document.createElement("button");
  button.append(Object.assign(new Image(), { src: `api/photos/${sample}.png`, alt: sample }));
  $("samples").append(Object.assign(button, { type: "button", title: sample, onclick: () => chooseSample(sample) }));
}
$("settings").oninput = () => { readSettings(); keep(); };

async function begin() {
  const record = await readRecord().catch(() => null);
  for (const [id, value] of record?.settings || []) if ($(id)) $(id)[valueOf($(id))] = value;
  readSettings();
  if (!record?.photo && !record?.head) return (await chooseSample(SAMPLES[0])) && paint();
  await restore(record);
  if (!head) return say(`${photo.name} is chosen.`);
  const advice = record.painting ? "The page was left while it painted. Paint on goes on." : "";
  return say(`${strokes.length} strokes are back. ${advice}`);
}
begin();
