// Stands for d3-transition, which d3-zoom wants for animated views: this canvas has none.
import { selection } from "d3-selection";

export function interrupt() {}

selection.prototype.interrupt = function () {
  return this;
};
