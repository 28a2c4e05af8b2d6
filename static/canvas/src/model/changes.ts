// Changes of a draft: told, applied, turned round. The server has the same rules.
import type { Change, Json, JsonObject, Path } from "./types.ts";

const KEYED = new Set(["steps", "edges"]);

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function itemKey(name: string, item: Json): string | undefined {
  if (!isObject(item)) return undefined;
  if (name === "steps") return typeof item.id === "string" ? item.id : undefined;
  const isEdge = typeof item.from === "string" && typeof item.to === "string";
  return isEdge ? `${item.from}>${item.to}` : undefined;
}

function isKeyed(name: string, value: Json | undefined): value is Json[] {
  if (!KEYED.has(name) || !Array.isArray(value)) return false;
  const keys = value.map((item) => itemKey(name, item));
  return !keys.includes(undefined) && new Set(keys).size === keys.length;
}

export function same(first: Json | undefined, second: Json | undefined): boolean {
  if (first === second) return true;
  if (Array.isArray(first) && Array.isArray(second)) {
    return first.length === second.length && first.every((item, index) => same(item, second[index]));
  }
  if (isObject(first) && isObject(second)) {
    const keys = Object.keys(first);
    return keys.length === Object.keys(second).length &&
      keys.every((key) => Object.hasOwn(second, key) && same(first[key], second[key]));
  }
  return false;
}

// Walks a path; `name` is the key of the list that is looked into.
export function valueAt(document: Json | undefined, path: Path): Json | undefined {
  let present = document;
  for (const [index, key] of path.entries()) {
    const name = index ? path[index - 1]! : "";
    if (isObject(present)) present = Object.hasOwn(present, key) ? present[key] : undefined;
    else if (Array.isArray(present) && KEYED.has(name)) {
      present = present.find((item) => itemKey(name, item) === key);
    } else if (Array.isArray(present)) present = present[Number(key)];
    else return undefined;
  }
  return present;
}

// Gives the document with one place set (or taken away, where `value` is undefined); what does
// not lie on the way is shared with the old one.
export function withValue(document: Json, path: Path, value: Json | undefined, at?: number): Json {
  return put(document, path, 0, value, at) ?? {};
}

function put(
  holder: Json | undefined, path: Path, index: number, value: Json | undefined, at?: number,
): Json | undefined {
  if (index === path.length) return value;
  const key = path[index]!;
  const name = index ? path[index - 1]! : "";
  if (Array.isArray(holder)) {
    const place = KEYED.has(name)
      ? holder.findIndex((item) => itemKey(name, item) === key)
      : Number(key) < holder.length ? Number(key) : -1;
    const inner = put(place < 0 ? undefined : holder[place], path, index + 1, value, at);
    const copy = [...holder];
    if (inner === undefined) {
      if (place >= 0) copy.splice(place, 1);
    } else if (place >= 0) copy[place] = inner;
    else copy.splice(at ?? copy.length, 0, inner);
    return copy;
  }
  if (holder !== undefined && !isObject(holder)) return holder;
  if (holder === undefined && value === undefined) return undefined;
  const seed: Json | undefined = holder?.[key] ??
    (KEYED.has(key) && index + 1 < path.length ? [] : undefined);
  const inner = put(seed, path, index + 1, value, at);
  if (inner !== undefined) return { ...holder, [key]: inner };
  const { [key]: _gone, ...rest } = holder ?? {};
  return rest;
}

export function applyChanges(document: JsonObject, changes: Change[]): JsonObject {
  let present: Json = document;
  for (const change of changes) present = withValue(present, change.path, change.value, change.at);
  return present as JsonObject;
}

export function invert(changes: Change[]): Change[] {
  return changes.toReversed().map(({ path, was, value, at }) => change(path, value, was, at));
}

function change(path: Path, was: Json | undefined, value: Json | undefined, at?: number): Change {
  const found: Change = { path };
  if (was !== undefined) found.was = was;
  if (value !== undefined) found.value = value;
  if (at !== undefined) found.at = at;
  return found;
}

// Gives what leads from one document to the other; the order of steps and edges means nothing.
export function between(old: JsonObject, now: JsonObject, path: Path = []): Change[] {
  if (old === now) return [];
  const found: Change[] = [];
  const keys = [...Object.keys(now), ...Object.keys(old).filter((key) => !Object.hasOwn(now, key))];
  for (const key of keys) {
    const before = Object.hasOwn(old, key) ? old[key] : undefined;
    const after = Object.hasOwn(now, key) ? now[key] : undefined;
    const where = [...path, key];
    if (same(before, after)) continue;
    if (isObject(before) && isObject(after)) found.push(...between(before, after, where));
    else if (isKeyed(key, before) && isKeyed(key, after)) {
      found.push(...betweenLists(key, before, after, where));
    } else found.push(change(where, before, after));
  }
  return found;
}

function betweenLists(name: string, old: Json[], now: Json[], path: Path): Change[] {
  const before = new Map(old.map((item, index) => [itemKey(name, item)!, { item, index }]));
  const after = new Map(now.map((item, index) => [itemKey(name, item)!, { item, index }]));
  const found: Change[] = [];
  for (const [key, { item, index }] of [...before].toReversed()) {
    if (!after.has(key)) found.push(change([...path, key], item, undefined, index));
  }
  for (const [key, { item, index }] of after) {
    const earlier = before.get(key)?.item;
    if (earlier === undefined) found.push(change([...path, key], undefined, item, index));
    else found.push(...between(earlier as JsonObject, item as JsonObject, [...path, key]));
  }
  return found;
}

// Joins changes of the same place into one, so that a batch says each place once.
export function squash(changes: Change[]): Change[] {
  const found: Change[] = [];
  for (const next of changes) {
    const last = found.findLast((one) => overlaps(one.path, next.path));
    const isSame = last !== undefined && last.path.length === next.path.length &&
      last.path[0] !== undefined && same(last.value, next.was) && next.value !== undefined &&
      last.value !== undefined;
    if (isSame) found[found.indexOf(last)] = change(next.path, last.was, next.value, last.at);
    else found.push(next);
  }
  return found.filter((one) => !same(one.was, one.value));
}

function overlaps(first: Path, second: Path): boolean {
  const length = Math.min(first.length, second.length);
  return first.slice(0, length).every((key, index) => key === second[index]);
}
