// <workflow-canvas mode="edit|run|states">: draws a workflow, in the light DOM.
//   src       where the canvas's data is (JSON), or data-graph: the id of a JSON script block
//   changes   where changes of the draft are sent (edit, states)
//   user      whose unsent work is kept in this browser
//   path      of a state machine (states)
//   topic     of the socket (run): run:ID;  states: where the states of the run are
//   sprite    the file of icons
// Events that bubble from it: canvas:select {paths, state}, canvas:open {path}, canvas:problems
// {problems}, canvas:state {state, text}, canvas:action {action, path}. It listens on the document to
// canvas:show {path}, draft:changed {revision, changes, problems} and draft:arrived {revision}.
import "@xyflow/react/dist/base.css";
import "./canvas.css";
import { CanvasElement } from "./element.ts";

if (!customElements.get("workflow-canvas")) customElements.define("workflow-canvas", CanvasElement);
