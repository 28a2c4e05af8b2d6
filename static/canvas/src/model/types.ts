// The words of the definition, of the server's answers and of the drawing.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
export type Path = string[];

export interface Change {
  path: Path;
  was?: Json;
  value?: Json;
  at?: number;
}

export interface Conflict {
  path: Path;
  was?: Json;
  value?: Json;
  theirs?: Json;
}

export interface Problem {
  severity: "error" | "warning";
  code: string;
  step: string | null;
  pointer: string;
  message: string;
}

// Where ports come from, as the server's table says it; each walks from the step.
export interface PortSource {
  fixed?: string[];
  if?: string[];
  each?: string[];
  field?: string;
  keys?: string[];
  outcomes?: string[];
}

// Where a kind keeps bodies and steps of its own; `*` stands for any key or place.
export interface InnerSource {
  path: string[];
  holds: "body" | "step";
}

export interface Rules {
  ports: {
    always: string[];
    common: PortSource[];
    kinds: Record<string, PortSource[]>;
    none: string[];
    failure: string[];
    refusal: string[];
  };
  connections: { code: string; message: string }[];
  bodies: Record<string, InnerSource[]>;
}

export interface KindLook {
  kind: string;
  label: string;
  icon: string;
  shape: string;
  hint?: string;
  with?: JsonObject;
}

// A word of the palette that stands for several steps, or for a setting of the page.
export interface PaletteAction {
  action: "insert" | "triggers" | "undo";
  label: string;
  icon: string;
  hint?: string;
  steps?: JsonObject[];
  edges?: JsonObject[];
  entries?: string[];
  exit?: string;
}

export interface PaletteGroup {
  group: string;
  kinds: KindLook[];
  actions?: PaletteAction[];
}

export interface CanvasDocument {
  revision: number;
  definition: JsonObject;
  problems: Problem[];
  palette: PaletteGroup[];
  rules: Rules;
  may_edit: boolean;
}

export type Point = [number, number];
