import { Handle, Position, type NodeProps } from "@xyflow/react";
import { memo } from "react";
import { humanise } from "../model/graph.ts";
import { Icon, toneOf } from "./Icon.tsx";
import { useShared, useStepState } from "./context.ts";
import type { BoxNode } from "./flow.ts";
import { lasted, lookOf } from "./looks.ts";
import { MORE, type Dot } from "./ports.ts";

export const BoxView = memo(function BoxView({ data, id }: NodeProps<BoxNode>) {
  const { editor, states } = useShared();
  const { box, dots, problem, problemText, mayEdit, isLinkable } = data;
  const shape = box.type === "state" ? "state" : box.look.shape;
  const stacked = box.kind === "map" && !box.isOpen ? " stacked" : "";
  return (
    <>
      <div className={`box ${shape}${stacked}${problem ? ` has-${problem}` : ""}${box.isEnd ? " last" : ""}${box.kind === "state_machine" ? " machine" : ""}`}>
        {states.isOn ? <RunMark path={box.runAt} /> : null}
        <div className="bh">
          {box.isStart ? <span className="start" aria-hidden="true" /> : null}
          {box.type === "step" ? <span className={`kd${toneOf(box.look)}`}><Icon name={box.look.icon} size="s" /></span> : null}
          <span className="tx">
            <span className="nm">{box.name}</span>
            {states.isOn ? <RunText path={box.runAt} sub={box.sub} isState={box.type === "state"} /> : <span className="su">{box.role ? `${humanise(box.role)} · ` : ""}{box.sub}</span>}
          </span>
          {states.isOn ? <RunIcon path={box.runAt} isState={box.type === "state"} /> : null}
          {box.marks.length && !states.isOn ? <span className="marks">{box.marks.slice(0, 3).map((icon) => <Icon key={icon} name={icon} size="xs" />)}</span> : null}
          {box.canOpen ? (
            <button
              type="button" className="fold nodrag" tabIndex={-1} aria-label={`${box.isOpen ? "Close" : "Open"} ${box.name}`}
              onClick={(event) => { event.stopPropagation(); editor.toggle(id); }} onDoubleClick={(event) => event.stopPropagation()}
            >
              {box.isOpen ? null : <span className="n">{box.inside}</span>}
              <Icon name={box.isOpen ? "chevron-down" : "chevron-right"} size="xs" />
            </button>
          ) : null}
        </div>
        {box.isOpen && !box.inside ? <div className="hollow">{mayEdit ? "Drop a step here" : "Nothing inside"}</div> : null}
      </div>
      {problem ? <span className={`badge ${problem}`} title={problemText}><Icon name={problem === "error" ? "x" : "triangle-alert"} size="xs" /></span> : null}
      <Handle type="target" id="in" position={Position.Top} isConnectable={isLinkable} isConnectableStart={false} className="in" />
      {dots.map((dot) => <PortDot key={dot.port} dot={dot} isLinkable={isLinkable} isState={box.type === "state"} />)}
    </>
  );
});

function PortDot({ dot, isLinkable, isState }: { dot: Dot; isLinkable: boolean; isState: boolean }) {
  const name = dot.port === MORE ? "More ports" : isState ? "Transition" : humanise(dot.port);
  return (
    <Handle
      type="source" id={dot.port} isConnectable={isLinkable} isConnectableEnd={false} title={name}
      position={dot.side === "right" ? Position.Right : Position.Bottom}
      className={`port ${dot.side === "right" ? "beside" : "below"}${dot.port === "done" ? " done" : ""}${dot.isUsed ? " used" : ""}${isLinkable ? "" : " quiet"}${dot.port === MORE ? " more" : ""}`}
      style={dot.side === "right" ? { top: dot.y } : { left: dot.x }}
    >
      <span className="pl" aria-hidden="true">{name}</span>
    </Handle>
  );
}

function RunMark({ path }: { path: string }) {
  const step = useStepState(path);
  const look = lookOf(step?.state ?? "pending", step?.reason);
  const isNow = step?.state === "running" || step?.state === "waiting";
  return <div className={`mark ${look.family}${isNow ? " cur" : ""}${step ? "" : " none"}${step?.state === "skipped" ? " none" : ""}`} />;
}

function RunText({ path, sub, isState }: { path: string; sub: string; isState: boolean }) {
  const step = useStepState(path);
  if (isState && step) {
    const visits = step.total ?? 1;
    const word = step.state === "running" ? "Here now" : "Visited";
    return <span className="su" title={sub}>{visits > 1 ? `${word}, ${visits} times` : word}</span>;
  }
  const look = lookOf(step?.state ?? "pending", step?.reason, isState);
  const time = step?.ms && step.state !== "skipped" && step.state !== "waiting" ? lasted(step.ms) : look.word;
  const count = step?.total ? `${step.done ?? 0} of ${step.total}` : "";
  return <span className="su" title={sub}>{count ? `${count} · ${time}` : time}</span>;
}

function RunIcon({ path, isState }: { path: string; isState: boolean }) {
  const step = useStepState(path);
  const look = lookOf(step?.state ?? "pending", step?.reason, isState);
  return <span className={`rs ${look.family}`} title={look.word}><Icon name={look.icon} /><span className="vh">{look.word}</span></span>;
}
