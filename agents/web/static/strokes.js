"use strict";
// Strokes on a canvas, and lines of a hand as strokes. paint_gym/strokes.py says what the numbers mean.

const SHORTEST = 1e-6;
const AHEAD = 0.85; // radii by which alpha runs ahead of the centre, as the mean over a disc

// Draw a stroke of a painting; head is all of the painting but its strokes.
function drawStroke(context, stroke, head) {
  const { width, height } = context.canvas;
  const [low, high] = head.opacity;
  const rgb = stroke.slice(-3).map((value) => Math.round(value * 255)).join(" ");
  const colour = (alpha) => `rgb(${rgb} / ${low + (high - low) * alpha})`;
  const point = (x, y) => [x * width, y * height];
  const radius = (thickness) => ((1 + 64 * thickness) / 256) * Math.min(width, height);
  context.beginPath();
  if (head.stroke === "triangle") {
    const [x0, y0, x1, y1, x2, y2, alpha] = stroke;
    context.fillStyle = colour(alpha);
    for (const corner of [[x0, y0], [x1, y1], [x2, y2]]) context.lineTo(...point(...corner));
  } else if (head.stroke === "circle") {
    const [x, y, thickness, alpha] = stroke;
    context.fillStyle = colour(alpha);
    context.arc(...point(x, y), radius(thickness), 0, 2 * Math.PI);
  } else {
    const bezier = head.stroke === "bezier";
    const [x0, y0, mx, my] = bezier ? stroke : [...stroke.slice(0, 2), 0.5, 0.5];
    const [x2, y2, r0, alpha0, r1, alpha1] = stroke.slice(bezier ? 4 : 2);
    const [start, end] = [[...point(x0, y0), radius(r0)], [...point(x2, y2), radius(r1)]];
    const control = point(x0 + (x2 - x0) * mx, y0 + (y2 - y0) * my);
    context.fillStyle = sweepStyle(context, start, end, [alpha0, alpha1], colour);
    sweepPath(context, start, control, end);
  }
  context.fill();
}

// Place [x, y, radius] of a sweep at a share s of the curve.
function sweepAt(start, control, end, s) {
  const curve = (axis) => (1 - s) ** 2 * start[axis] + 2 * s * (1 - s) * control[axis] + s ** 2 * end[axis];
  return [curve(0), curve(1), start[2] + (end[2] - start[2]) * s];
}

function sweepPath(context, start, control, end) {
  const bend = Math.hypot(...[0, 1].map((axis) => control[axis] - (start[axis] + end[axis]) / 2));
  const pieces = Math.min(12, Math.ceil(Math.sqrt(bend / 2)) || 1); // within a pixel
  for (let i = 0, last = start; i < pieces; i++) {
    const next = sweepAt(start, control, end, (i + 1) / pieces);
    hullPath(context, last, next, i === 0);
    last = next;
  }
}

// The hull of two discs, the first whole or its front half; all turn the same way, so that their union is filled.
function hullPath(context, [x0, y0, r0], [x1, y1, r1], isWhole) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length <= Math.abs(r1 - r0) + SHORTEST) {
    const [x, y, r] = r0 > r1 ? [x0, y0, r0] : [x1, y1, r1];
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  const angle = Math.atan2(y1 - y0, x1 - x0), side = Math.acos((r0 - r1) / length);
  context.moveTo(x0 + r0 * Math.cos(angle + side), y0 + r0 * Math.sin(angle + side));
  if (isWhole) context.arc(x0, y0, r0, angle + side, angle - side + 2 * Math.PI);
  else context.lineTo(x0 + r0 * Math.cos(angle - side), y0 + r0 * Math.sin(angle - side));
  context.arc(x1, y1, r1, angle - side, angle + side);
  context.closePath();
}

// Colour, or gradient: a pixel has the alpha of the last disc that covers it, whose centre is ahead of it.
function sweepStyle(context, start, end, [alpha0, alpha1], colour) {
  const [x, y] = [end[0] - start[0], end[1] - start[1]], length = Math.hypot(x, y), shrinkage = start[2] - end[2];
  const isInside = length < SHORTEST + Math.abs(shrinkage); // one disc in the other
  if (Math.abs(alpha1 - alpha0) < 1 / 32) return colour((alpha0 + alpha1) / 2);
  if (isInside && shrinkage < SHORTEST) return colour(alpha1); // the last disc covers all
  const behind = ([px, py, radius]) => [px - (AHEAD * radius * x) / length, py - (AHEAD * radius * y) / length];
  const gradient = isInside ? context.createRadialGradient(...start, ...end)
    : context.createLinearGradient(...behind(start), ...behind(end));
  gradient.addColorStop(0, colour(alpha0));
  gradient.addColorStop(1, colour(alpha1));
  return gradient;
}

// Curves [start, middle, end] that keep within a distance of a line through points (x, y in widths and heights);
// sides are the width and height in the unit of the distance. The middle is relative to the box of the ends.
function fitCurves(points, sides, distance) {
  const start = points[0], end = points[points.length - 1];
  const offset = (from, to) => Math.hypot(...sides.map((side, axis) => side * (to[axis] - from[axis])));
  const lengths = [0];
  for (let i = 1; i < points.length; i++) lengths.push(lengths[i - 1] + offset(points[i - 1], points[i]));
  const shares = lengths.map((length) => length / Math.max(lengths[points.length - 1], SHORTEST));
  const middle = [0, 1].map((axis) => {
    if (start[axis] === end[axis]) return 0.5;
    let above = 0, below = SHORTEST;
    points.forEach((point, i) => {
      const s = shares[i], weight = 2 * s * (1 - s);
      above += weight * (point[axis] - (1 - s) ** 2 * start[axis] - s ** 2 * end[axis]);
      below += weight ** 2;
    });
    return Math.min(1, Math.max(0, (above / below - start[axis]) / (end[axis] - start[axis])));
  });
  const control = start.map((from, axis) => from + (end[axis] - from) * middle[axis]);
  const isNear = (point, i) => offset(point, sweepAt([...start, 0], control, [...end, 0], shares[i])) <= distance;
  if (points.length < 3 || points.every(isNear)) return [[start, middle, end]];
  const half = points.length >> 1;
  return [...fitCurves(points.slice(0, half + 1), sides, distance), ...fitCurves(points.slice(half), sides, distance)];
}
