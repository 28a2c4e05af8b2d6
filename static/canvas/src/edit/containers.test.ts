import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, Rules } from "../model/types.ts";
import { moveInto, receivers } from "./containers.ts";
import { Editor } from "./editor.ts";

const RULES: Rules = {
  ports: { always: ["done", "error"], common: [], kinds: {}, none: ["end"], failure: ["error"], refusal: [] },
  connections: [],
  bodies: {
    map: [{ path: ["with", "body"], holds: "body" }],
    state_machine: [{ path: ["with", "states", "*", "entry"], holds: "body" }],
  },
};

function editorOf(): Editor {
  const definition: JsonObject = {
    steps: [
      { id: "a", kind: "transform" }, { id: "b", kind: "transform" }, { id: "c", kind: "transform" },
      { id: "each", kind: "map", with: { body: { steps: [], edges: [] } } },
      { id: "case", kind: "state_machine", with: { initial: "open", states: { open: {} }, transitions: [] } },
    ],
    edges: [{ from: "a", to: "b" }, { from: "b", to: "c" }],
  };
  const host = { onChanges: () => {}, onSelect: () => {}, onSay: () => {}, onOpened: () => {} };
  return new Editor({ revision: 1, definition, problems: [], palette: [], rules: RULES, may_edit: true }, "edit", "", host);
}

function stepsAt(editor: Editor): Record<string, unknown> {
  const [, , ...rest] = editor.definition.steps as JsonObject[];
  return { top: (editor.definition.steps as JsonObject[]).map((step) => step.id), edges: editor.definition.edges, rest };
}

test("a step goes into a body and out again, and undo takes each back", () => {
  const editor = editorOf();
  const before = JSON.stringify(editor.definition);
  assert.deepEqual(receivers(editor, ["b"]), ["each", "case.open"]);
  assert.ok(moveInto(editor, ["b"], "each"));
  assert.deepEqual(stepsAt(editor).top, ["a", "c", "each", "case"]);
  assert.deepEqual(stepsAt(editor).edges, [{ from: "a", to: "c" }]);
  assert.deepEqual(editor.selected, ["each.b"]);
  assert.deepEqual(receivers(editor, ["each.b"]), ["case.open", ""]);
  assert.ok(moveInto(editor, ["each.b"], ""));
  assert.deepEqual(stepsAt(editor).top, ["a", "c", "each", "case", "b"]);
  editor.undo();
  editor.undo();
  assert.equal(JSON.stringify(editor.definition), before);
});

test("several steps keep what connects them, and a state gets its body with the first", () => {
  const editor = editorOf();
  assert.ok(moveInto(editor, ["a", "b"], "case.open"));
  const machine = (editor.definition.steps as JsonObject[]).at(-1)!;
  const state = ((machine.with as JsonObject).states as JsonObject).open as JsonObject;
  assert.deepEqual((state.entry as JsonObject).edges, [{ from: "a", to: "b" }]);
  assert.deepEqual(editor.definition.edges, []);
  assert.deepEqual(editor.selected, ["case.open.a", "case.open.b"]);
});

test("a container never goes into itself, nor a step between the states of a machine", () => {
  const editor = editorOf();
  assert.equal(moveInto(editor, ["each"], "each"), false);
  assert.equal(moveInto(editor, ["a"], "case"), false);
  assert.equal(editor.history.done.length, 0);
});
