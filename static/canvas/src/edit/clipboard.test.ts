import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, Rules } from "../model/types.ts";
import { clipRead, clipText, expressionRenamed, renamed } from "./clipboard.ts";

const RULES: Rules = {
  ports: { always: ["done", "error"], common: [], kinds: {}, none: ["end"], failure: ["error"], refusal: [] },
  connections: [],
  bodies: { map: [{ path: ["with", "body"], holds: "body" }] },
};
const NAMES = new Map([["draft", "draft_2"]]);

test("expressions follow a renamed step", () => {
  assert.equal(expressionRenamed("=steps.draft.output.text", NAMES), "=steps.draft_2.output.text");
  assert.equal(expressionRenamed("Say {{ steps.draft.output }} to steps.draft", NAMES), "Say {{ steps.draft_2.output }} to steps.draft");
  assert.equal(expressionRenamed("steps.draft.output.n > 2.0", NAMES), "steps.draft_2.output.n > 2.0");
  assert.equal(expressionRenamed("=steps['draft'].output", NAMES), "=steps['draft_2'].output");
});

test("other texts stay as they are", () => {
  assert.equal(expressionRenamed("==steps.draft.output", NAMES), "==steps.draft.output");
  assert.equal(expressionRenamed("=steps.drafts.output", NAMES), "=steps.drafts.output");
  assert.equal(expressionRenamed("three steps to draft it", NAMES), "three steps to draft it");
});

test("pasted steps take free names, with their edges, bodies and expressions", () => {
  const clip = clipRead(clipText({
    steps: [
      { id: "draft", kind: "model", with: { prompt: "x" } },
      { id: "each", kind: "map", with: { body: { steps: [{ id: "send", kind: "tool", with: { arguments: { t: "=steps.draft.output" } } }], edges: [] } } },
    ],
    edges: [{ from: "draft.error", to: "each" }],
    layout: { draft: [1, 2] },
  }))!;
  const fresh = renamed(RULES, clip, new Set(["draft", "send"]));
  assert.deepEqual(fresh.steps.map((step) => step.id), ["draft_2", "each"]);
  assert.deepEqual(fresh.edges, [{ from: "draft_2.error", to: "each" }]);
  assert.deepEqual(fresh.layout, { draft_2: [1, 2] });
  const inner = ((fresh.steps[1]!.with as JsonObject).body as JsonObject).steps as JsonObject[];
  assert.equal(inner[0]!.id, "send_2");
  assert.deepEqual((inner[0]!.with as JsonObject).arguments, { t: "=steps.draft_2.output" });
});

test("text that is no steps is refused", () => {
  assert.equal(clipRead("hello"), undefined);
  assert.equal(clipRead('{"steps": []}'), undefined);
  assert.equal(clipRead('{"steps": [{"kind": "model"}]}'), undefined);
});
