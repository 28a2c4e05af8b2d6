import assert from "node:assert/strict";
import { test } from "node:test";
import { Survey } from "./graph.ts";
import { draw } from "./layout.ts";
import { orthogonal } from "./route.ts";
import { portsOf, refusal } from "./rules.ts";
import type { JsonObject, Rules } from "./types.ts";

const RULES: Rules = {
  ports: {
    always: ["done", "error"], common: [{ fixed: ["rejected", "expired"], if: ["approval"] }],
    kinds: { router: [{ each: ["with", "labels"] }, { fixed: ["default"] }], group: [{ outcomes: ["with", "body"] }] },
    none: ["end"], failure: ["error", "expired"], refusal: ["rejected"],
  },
  connections: [
    { code: "across_bodies", message: "across" }, { code: "into_itself", message: "itself" },
    { code: "after_end", message: "end" }, { code: "unknown_port", message: "port" },
    { code: "duplicate", message: "twice" }, { code: "cycle", message: "circle" },
  ],
  bodies: { group: [{ path: ["with", "body"], holds: "body" }] },
};

const chain = (count: number): JsonObject => ({
  steps: Array.from({ length: count }, (_, index) => ({ id: `s${index}`, kind: "model" })),
  edges: Array.from({ length: count - 1 }, (_, index) => ({ from: `s${index}`, to: `s${index + 1}` })),
});
const survey = (definition: JsonObject) => new Survey(RULES, new Map(), () => true).run(definition);

test("boxes of a layout do not cover each other, and each row is below what leads to it", () => {
  const definition = chain(6);
  (definition.edges as JsonObject[]).push({ from: "s0", to: "s3" }, { from: "s0.error", to: "s5" });
  const graph = survey(definition);
  const { rects } = draw(graph);
  const all = [...rects.values()];
  for (const one of all) {
    for (const two of all) {
      const apart = one === two || one.x + one.width <= two.x || two.x + two.width <= one.x ||
        one.y + one.height <= two.y || two.y + two.height <= one.y;
      assert.ok(apart);
    }
  }
  for (const link of graph.links.values()) {
    assert.ok(rects.get(link.source)!.y < rects.get(link.target)!.y);
  }
});

test("stored places hold; a step without one stands below what leads to it", () => {
  const definition: JsonObject = { ...chain(2), layout: { s0: [40, 80] } };
  const { rects } = draw(survey(definition));
  assert.deepEqual([rects.get("s0")!.x, rects.get("s0")!.y], [40, 80]);
  assert.ok(rects.get("s1")!.y >= 80 + rects.get("s0")!.height);
});

test("a frame is as large as what is inside", () => {
  const definition: JsonObject = { steps: [{ id: "g", kind: "group", with: { body: chain(3) } }], edges: [] };
  const { rects } = draw(survey(definition));
  const outer = rects.get("g")!;
  for (const id of ["g.s0", "g.s1", "g.s2"]) {
    const inner = rects.get(id)!;
    assert.ok(inner.x >= 0 && inner.x + inner.width <= outer.width);
    assert.ok(inner.y >= 40 && inner.y + inner.height <= outer.height);
  }
});

test("ports follow the settings, those of failure last", () => {
  const step: JsonObject = { id: "r", kind: "router", with: { labels: ["refund", "other"] }, approval: {} };
  assert.deepEqual(portsOf(RULES, step), ["done", "refund", "other", "default", "error", "rejected", "expired"]);
  assert.deepEqual(portsOf(RULES, { id: "e", kind: "end" }), []);
});

test("each connection that makes no sense is refused with its reason", () => {
  const body = { steps: [...(chain(3).steps as JsonObject[]), { id: "e", kind: "end" }], edges: chain(3).edges as JsonObject[] };
  const ask = (source: string, port: string, target: string) => refusal(RULES, body, { source, port, target });
  assert.equal(ask("s0", "done", "s2"), undefined);
  assert.equal(ask("s0", "done", "s0"), "itself");
  assert.equal(ask("s2", "done", "s0"), "circle");
  assert.equal(ask("s0", "done", "s1"), "twice");
  assert.equal(ask("e", "done", "s1"), "end");
  assert.equal(ask("s0", "nope", "s2"), "port");
  assert.equal(ask("s0", "done", "elsewhere"), "across");
});

test("a way begins and ends where it should", () => {
  const { path } = orthogonal([0, 0], "bottom", [100, 200]);
  assert.match(path, /^M0 0/);
  assert.match(path, /L100 200$/);
});
