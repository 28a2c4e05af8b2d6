import assert from "node:assert/strict";
import { test } from "node:test";
import { applyChanges, between, invert, squash } from "./changes.ts";
import type { JsonObject } from "./types.ts";

const BEFORE: JsonObject = {
  name: "Refund",
  steps: [
    { id: "a", kind: "model", with: { prompt: "one", labels: ["x"] } },
    { id: "b", kind: "end", with: {} },
    { id: "each", kind: "map", with: { body: { steps: [{ id: "inner", kind: "end" }], edges: [] } } },
  ],
  edges: [{ from: "a", to: "b" }, { from: "a.error", to: "each" }],
  layout: { a: [0, 0] },
};

const EDITS: [string, (document: JsonObject) => JsonObject][] = [
  ["a field", (one) => ({ ...one, name: "Refunds" })],
  ["a step gone from the middle", (one) => ({ ...one, steps: (one.steps as JsonObject[]).filter((step) => step.id !== "b") })],
  ["an edge more", (one) => ({ ...one, edges: [...(one.edges as JsonObject[]), { from: "b.error", to: "each" }] })],
  ["a list that is a leaf", (one) => ({ ...one, steps: [{ id: "a", kind: "model", with: { prompt: "one", labels: ["x", "y"] } }, ...(one.steps as JsonObject[]).slice(1)] })],
  ["a key gone", (one) => { const { layout: _gone, ...rest } = one; return rest; }],
  ["a step inside a body", (one) => {
    const copy = structuredClone(one);
    ((((copy.steps as JsonObject[])[2]!.with as JsonObject).body as JsonObject).steps as JsonObject[]).push({ id: "new", kind: "model" });
    return copy;
  }],
];

for (const [name, edit] of EDITS) {
  test(`changes lead there and back: ${name}`, () => {
    const after = edit(structuredClone(BEFORE));
    const changes = between(BEFORE, after);
    assert.ok(changes.length > 0);
    assert.deepEqual(applyChanges(BEFORE, changes), after);
    assert.deepEqual(applyChanges(after, invert(changes)), BEFORE);
  });
}

test("a path names a step by its id and an edge by its ends", () => {
  const after = structuredClone(BEFORE);
  (after.steps as JsonObject[])[0]!.with = { prompt: "two", labels: ["x"] };
  after.edges = (after.edges as JsonObject[]).slice(0, 1);
  assert.deepEqual(between(BEFORE, after).map((one) => one.path), [
    ["steps", "a", "with", "prompt"], ["edges", "a.error>each"],
  ]);
});

test("changes of one place are told once, and one that came back not at all", () => {
  const path = ["name"];
  assert.deepEqual(squash([{ path, was: "a", value: "b" }, { path, was: "b", value: "c" }]), [{ path, was: "a", value: "c" }]);
  assert.deepEqual(squash([{ path, was: "a", value: "b" }, { path, was: "b", value: "a" }]), []);
});

test("what is added and then changed inside keeps its order", () => {
  const changes = squash([
    { path: ["steps", "n"], value: { id: "n", kind: "model" } },
    { path: ["steps", "n", "name"], value: "New" },
  ]);
  assert.equal(changes.length, 2);
  const after = applyChanges(BEFORE, changes);
  assert.equal((after.steps as JsonObject[]).at(-1)!.name, "New");
});
