"use strict";
// The server sends strokes as shapes of SVG, a line of JSON for each event; all that is kept is kept here.

const SVG = "http://www.w3.org/2000/svg";
const PHOTOS = ["astronaut", "chelsea", "coffee", "rocket"];
const MAX_BYTES = 20e6;
const $ = (id) => document.getElementById(id);
const painting = $("painting");

let source = null; // {photo: name} or {image: base64}
let strokes = []; // an SVG group for each stroke, in order
let head = null; // all of the painting but its strokes
let numbers = []; // those of each stroke
let job = null; // the AbortController of what is painted now
let paused = false;

function say(text, error = false) {
  $("status").textContent = text;
  $("status").classList.toggle("error", error);
}

function enable() {
  $("paint").disabled = !source || job !== null;
  const kept = head !== null && numbers.length > 0 && job === null;
  $("more").disabled = !source || !kept;
  $("more").textContent = `Paint on (+${$("strokes").value})`;
  $("stop").disabled = job === null;
  $("play").disabled = $("scrub").disabled = strokes.length === 0;
  $("compare").disabled = !source;
  $("hand").disabled = !kept || head.stroke !== "bezier";
  painting.classList.toggle("hand", !$("hand").disabled && $("hand").checked);
  for (const button of document.querySelectorAll("[data-format]")) button.disabled = !kept;
  const playing = !paused && (job !== null || Number($("scrub").value) < strokes.length);
  $("play").textContent = playing ? "Pause" : "Play";
  $("play").setAttribute("aria-label", $("play").textContent);
}

function json() {
  return JSON.stringify({ ...head, strokes: numbers });
}

function frame(height, width) {
  painting.setAttribute("viewBox", `0 0 ${width} ${height}`);
  $("easel").style.aspectRatio = `${width} / ${height}`;
  $("easel").style.maxWidth = `calc(75vh * ${width / height})`;
}

// ---- photos ----

function choose(from, url, name) {
  if (job) job.abort();
  source = from;
  head = null;
  clear();
  const photo = $("photo");
  if (photo.src.startsWith("blob:")) URL.revokeObjectURL(photo.src);
  photo.src = url;
  photo.hidden = false;
  $("hint").hidden = true;
  $("easel").classList.remove("empty");
  photo.onload = () => {
    frame(photo.naturalHeight, photo.naturalWidth);
    setCompare(100);
  };
  photo.onerror = () => say(`${name} is no picture that this browser shows; the server may read it.`, true);
  for (const button of $("photos").children) button.setAttribute("aria-pressed", button.dataset.name === name);
  say(`${name} is chosen. Paint it.`);
  enable();
}

function chooseFile(file) {
  if (!file) return;
  if (file.size > MAX_BYTES) return say(`${file.name} has more than ${MAX_BYTES / 1e6} MB.`, true);
  const reader = new FileReader();
  reader.onload = () => choose({ image: reader.result.split(",", 2)[1] || "" }, URL.createObjectURL(file), file.name);
  reader.onerror = () => say(`${file.name} cannot be read.`, true);
  reader.readAsDataURL(file);
}

for (const name of PHOTOS) {
  const button = document.createElement("button");
  const image = document.createElement("img");
  button.type = "button";
  button.dataset.name = name;
  button.setAttribute("aria-pressed", "false");
  image.src = `api/photos/${name}.png`;
  image.alt = name;
  button.append(image);
  button.onclick = () => choose({ photo: name }, image.src, name);
  $("photos").append(button);
}
$("file").onchange = (event) => chooseFile(event.target.files[0]);
document.addEventListener("paste", (event) => chooseFile([...event.clipboardData.files][0]));
document.addEventListener("dragover", (event) => { event.preventDefault(); $("easel").classList.add("over"); });
document.addEventListener("dragleave", () => $("easel").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("easel").classList.remove("over");
  chooseFile(event.dataTransfer.files[0]);
});

// ---- the painting ----

function clear() {
  strokes = [];
  numbers = [];
  painting.replaceChildren();
  show(0);
}

function parse(shapes) {
  const text = shapes.map((shape) => `<g>${shape}</g>`).join("");
  const root = new DOMParser().parseFromString(`<svg xmlns="${SVG}">${text}</svg>`, "image/svg+xml").documentElement;
  return [...root.children].map((group) => document.importNode(group, true));
}

function add(shapes) {
  const groups = parse(shapes);
  const following = $("scrub").value == strokes.length && !paused;
  painting.append(...groups);
  for (const group of groups) group.style.display = following ? "" : "none";
  strokes.push(...groups);
  show(following ? strokes.length : Number($("scrub").value));
}

function replaceAll(shapes) {
  const shown = $("scrub").value == strokes.length ? shapes.length : Number($("scrub").value);
  for (const group of strokes) group.remove();
  strokes = parse(shapes);
  strokes.forEach((group, i) => { group.style.display = i < shown ? "" : "none"; });
  painting.append(...strokes);
  show(shown);
}

function show(count) {
  const before = Number($("shown").value);
  for (let i = Math.min(before, count); i < Math.max(before, count) && i < strokes.length; i++) {
    strokes[i].style.display = i < count ? "" : "none";
  }
  $("scrub").max = strokes.length;
  $("scrub").value = count;
  $("shown").value = count;
  enable();
}

$("scrub").oninput = () => { pause(true); show(Number($("scrub").value)); };
function pause(value) {
  paused = value;
  enable();
}
$("play").onclick = () => {
  if ($("play").textContent === "Pause") return pause(true);
  if (Number($("scrub").value) === strokes.length && !job) show(0);
  pause(false);
};
setInterval(() => {
  const count = Number($("scrub").value);
  if (!paused && count < strokes.length) show(Math.min(strokes.length, count + Math.ceil(strokes.length / 150)));
}, 40);

function setCompare(value) {
  $("compare").value = value;
  $("photo").style.clipPath = `inset(0 ${100 - value}% 0 0)`;
}
$("compare").oninput = () => setCompare($("compare").value);

// ---- by hand ----
// A drag over the painting is a Bezier stroke through its middle, in the photo's colour where it begins.

let drag = []; // places of the pointer, in widths and heights

function place(event) {
  const box = painting.getBoundingClientRect();
  const inside = (value) => Math.min(1, Math.max(0, value));
  return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
}

function photoColour([x, y]) {
  const pixel = document.createElement("canvas").getContext("2d");
  const [width, height] = [$("photo").naturalWidth, $("photo").naturalHeight];
  pixel.drawImage($("photo"), -Math.floor(x * (width - 1)), -Math.floor(y * (height - 1)));
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

function addByHand() {
  const [start, middle, end] = [drag[0], drag[drag.length >> 1], drag[drag.length - 1]];
  // the control point of the curve that is in the middle there; a stroke has it relative to the box of its ends
  const relative = start.map((from, i) => {
    const control = 2 * middle[i] - (from + end[i]) / 2;
    return from === end[i] ? 0.5 : Math.min(1, Math.max(0, (control - from) / (end[i] - from)));
  });
  const thickness = Number($("thickness").value);
  const colour = photoColour(start);
  const { width, height } = painting.viewBox.baseVal;
  const at = start.map((from, i) => from + (end[i] - from) * relative[i]);
  const points = [start, at, end].map(([x, y]) => `${x * width} ${y * height}`);
  const broad = (2 * (1 + 64 * thickness) * Math.min(width, height)) / 256;
  const look = `fill="none" stroke="rgb(${colour})" stroke-width="${broad}" stroke-linecap="round"`;
  show(strokes.length);
  numbers.push([...start, ...relative, ...end, thickness, 1, thickness, 1, ...colour.map((value) => value / 255)]);
  add([`<path d="M${points[0]} Q${points[1]} ${points[2]}" ${look}/>`]);
  show(strokes.length);
  say(`${strokes.length} strokes. Paint on refines yours, too.`);
}

$("hand").onchange = () => { setCompare(0); enable(); };
painting.onpointerdown = (event) => {
  if (!painting.classList.contains("hand")) return;
  painting.setPointerCapture(event.pointerId);
  drag = [place(event)];
};
painting.onpointermove = (event) => { if (drag.length) drag.push(place(event)); };
painting.onpointercancel = () => { drag = []; };
painting.onpointerup = (event) => {
  if (!drag.length) return;
  drag.push(place(event));
  addByHand();
  drag = [];
};

// ---- jobs ----

async function refusal(answer) {
  try {
    return (await answer.json()).detail || answer.statusText;
  } catch {
    return answer.statusText;
  }
}

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function paint(begun) {
  const own = (job = new AbortController());
  const asked = { ...source, stroke: $("stroke").value, detail: $("detail").value };
  for (const name of ["strokes", "refine", "palette", "opacity", "seed"]) asked[name] = Number($(name).value);
  if (begun) {
    asked.painting = begun;
    asked.strokes = Math.min(3000, strokes.length + asked.strokes);
  }
  head = null;
  clear();
  pause(false);
  setCompare(0);
  enable();
  say("Painting.");
  try {
    const answer = await fetch("api/paintings", {
      method: "POST", body: JSON.stringify(asked), signal: own.signal, headers: { "Content-Type": "application/json" },
    });
    if (!answer.ok) throw new Error(await refusal(answer));
    for await (const event of events(answer)) handle(event);
  } catch (error) {
    if (own.signal.aborted) {
      if (job === own) say(`Stopped at ${strokes.length} strokes, which are kept.`);
    } else say(`Not painted: ${error.message}`, true);
  }
  if (job === own) job = null;
  enable();
}

function handle(event) {
  if (event.event === "queued") say(`${event.ahead} painting${event.ahead > 1 ? "s are" : " is"} before this one.`);
  if (event.event === "start") {
    const [height, width] = event.box;
    head = event.head;
    frame(height, width);
    painting.replaceChildren();
    if (head.background) {
      const ground = document.createElementNS(SVG, "rect");
      ground.setAttribute("width", width);
      ground.setAttribute("height", height);
      ground.setAttribute("fill", `rgb(${head.background.map((value) => Math.round(value * 255)).join(" ")})`);
      painting.append(ground);
    }
  }
  if (event.event === "strokes") {
    numbers.push(...event.strokes);
    add(event.shapes);
    say(`${strokes.length} strokes.`);
  }
  if (event.event === "refined") {
    numbers = event.strokes;
    replaceAll(event.shapes);
    say(`Refining: ${event.iteration} of ${event.of}, l2 ${event.l2.toFixed(4)}.`);
  }
  if (event.event === "done") {
    numbers = event.strokes;
    replaceAll(event.shapes);
    say(`${strokes.length} strokes in ${event.seconds.toFixed(1)} seconds, l2 ${event.l2.toFixed(4)}.`);
  }
  if (event.event === "error" || event.event === "stopped") say(event.message, true);
  enable();
}

$("settings").onsubmit = (event) => { event.preventDefault(); paint(null); };
$("more").onclick = () => paint(json());
$("stop").onclick = () => job && job.abort();

// ---- files ----

for (const button of document.querySelectorAll("[data-format]")) {
  button.onclick = async () => {
    const asked = { painting: json(), format: button.dataset.format, size: Number($("size").value) || null };
    say(`Making the ${button.textContent} file.`);
    try {
      const answer = await fetch("api/files", {
        method: "POST", body: JSON.stringify(asked), headers: { "Content-Type": "application/json" },
      });
      if (!answer.ok) throw new Error(await refusal(answer));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `painting${button.textContent}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      say(`painting${button.textContent} is saved.`);
    } catch (error) {
      say(`Not saved: ${error.message}`, true);
    }
  };
}

// ---- settings ----

const WORDS = { palette: (value) => (value === "0" ? "any" : value) };
for (const input of document.querySelectorAll("#settings input[type=range]")) {
  const update = () => {
    input.parentElement.querySelector("output").value = (WORDS[input.id] || String)(input.value);
  };
  input.oninput = () => { update(); enable(); };
  update();
}
enable();
